"""The strings in the code of the integration, and the texts that it uses."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import homeassistant.const

from custom_components.fimp_chargepoint.chargepoint import errors

from .project import HOME_ASSISTANT_SIDE, INTEGRATION, parse, python_files

#: The Home Assistant side; the library below `chargepoint/` shows no text to anybody.
FILES = HOME_ASSISTANT_SIDE


@dataclass(frozen=True)
class UsedText:
    """A text that the code asks for by a name written out."""

    section: str
    key: str
    where: str
    #: The placeholders that are passed, None if they are not literals.
    placeholders: frozenset[str] | None = None


@cache
def strings(*paths: Path) -> frozenset[str]:
    """Return the strings in some files, and those of the constants they import."""
    found: set[str] = set()
    for path in paths:
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.ImportFrom) and node.module == "homeassistant.const":
                values = (getattr(homeassistant.const, each.name) for each in node.names)
                found |= {str(value) for value in values if isinstance(value, str)}
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
    return frozenset(found)


def all_strings() -> frozenset[str]:
    """Return the strings of the integration and of its library, which has the words."""
    return strings(*python_files(INTEGRATION))


def called(*paths: Path) -> frozenset[str]:
    """Return the names of everything that is called in some files."""
    return frozenset(
        _called_name(node)
        for path in paths
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call)
    )


def used_texts() -> Iterator[UsedText]:
    """Yield each text that is asked for by a name written out.

    Those of entities are looked up in their descriptions instead (see test_entities.py).
    """
    for path in FILES:
        tree = parse(path)
        helpers = dict(_helpers(tree))
        for node in ast.walk(tree):
            where = f"{path.name}:{getattr(node, 'lineno', '?')}"
            match node:
                case ast.Call():
                    yield from _used_by_call(node, helpers, where)
                case ast.FunctionDef(name=name) if name.endswith("error_key"):
                    # The text of a library error in a form.
                    for each in ast.walk(node):
                        if isinstance(each, ast.Return):
                            for key in _written_out(each.value):
                                yield UsedText("error", key, where)


def _helpers(tree: ast.Module) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield functions that take a name and ask for its text: section, which argument."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            parameters = [each.arg for each in function.args.args]
            for call in ast.walk(function):
                if isinstance(call, ast.Call):
                    for keyword in call.keywords:
                        match keyword:
                            case ast.keyword(
                                arg="translation_key", value=ast.Name(id=parameter)
                            ) if parameter in parameters:
                                section = _section_of(_called_name(call))
                                place = parameters.index(parameter)
                                yield function.name, (section, place)


def _used_by_call(
    call: ast.Call, helpers: dict[str, tuple[str, int]], where: str
) -> Iterator[UsedText]:
    arguments = {each.arg: each.value for each in call.keywords if each.arg}
    function = _called_name(call)
    if function in helpers and function not in _describers():
        section, place = helpers[function]
        if place < len(call.args):
            for key in _written_out(call.args[place]):
                yield UsedText(section, key, where, frozenset(arguments))
    elif not function.endswith("Description") and function not in _describers():
        placeholders = _keys(arguments.get("translation_placeholders"))
        for key in _written_out(arguments.get("translation_key")):
            yield UsedText(_section_of(function), key, where, placeholders)
    if function in {"ChargePointIssue", "EntryIssue"}:
        # A row of the table of repair issues.
        for key in _written_out(arguments.get("key")):
            yield UsedText("issues", key, where)
    yield from _used_by_flow(call, arguments, where)


@cache
def _describers() -> frozenset[str]:
    """Return the functions that make descriptions of entities."""
    return frozenset(
        node.name
        for path in FILES
        for node in parse(path).body
        if isinstance(node, ast.FunctionDef)
        and isinstance(node.returns, ast.Name)
        and node.returns.id.endswith("Description")
    )


def _used_by_flow(call: ast.Call, arguments: dict[str, ast.expr], where: str) -> Iterator[UsedText]:
    function = _called_name(call)
    values = [("progress", arguments.get("progress_action"))]
    if function in {"async_show_form", "async_show_menu"}:
        values.append(("step", arguments.get("step_id")))
    if function == "async_abort":
        values.append(("abort", arguments.get("reason")))
    if function == "FormError":
        values += [("error", value) for value in call.args]
    for section, value in values:
        for key in _written_out(value):
            yield UsedText(section, key, where)


@dataclass(frozen=True)
class LibraryError:
    """An error that is raised with a code, and the names of its values."""

    code: str
    values: frozenset[str]
    where: str


@cache
def library_errors() -> tuple[LibraryError, ...]:
    """Return every error of the library, wherever the integration makes one.

    An error that has its own constructor has its code there. Any other code is written out
    where the error is made, or stands in a table.
    """
    kinds = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type)
        and issubclass(kind, errors.ChargepointError)
        and not issubclass(kind, errors.ProtocolError)
    }
    files = python_files(INTEGRATION)
    subclasses = {
        node.name: path
        for path in files
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id in kinds for base in node.bases)
    }
    constructors = {
        name
        for name, path in subclasses.items()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef) and node.name == name
        if any(isinstance(part, ast.FunctionDef) and part.name == "__init__" for part in node.body)
    }
    definitions = set(subclasses.values())
    with_code = (kinds.keys() | subclasses.keys()) - constructors
    return tuple(
        LibraryError(
            code,
            frozenset(each.arg for each in call.keywords if each.arg),
            f"{path.name}:{call.lineno}",
        )
        for path in files
        for call in ast.walk(parse(path))
        if isinstance(call, ast.Call)
        and (_called_name(call) in with_code or (path in definitions and _is_constructor(call)))
        for code in _codes(call.args[0], path)
    )


def _is_constructor(call: ast.Call) -> bool:
    """Whether an error class of the library sets its own code."""
    return (
        ast.unparse(call.func) == "super().__init__"
        and bool(call.args)
        and isinstance(call.args[0], ast.Constant)
    )


def _codes(node: ast.expr, path: Path) -> Iterator[str]:
    """Yield the codes that an argument can be; fails if they cannot be read off the code."""
    match node:
        case ast.Constant(value=str() as code):
            yield code
        case ast.IfExp(body=body, orelse=orelse):
            yield from _codes(body, path)
            yield from _codes(orelse, path)
        case ast.Name() if (codes := _assigned(node.id, path)) is not None:
            yield from _codes(codes, path)
        case ast.Subscript(value=ast.Attribute(attr=table) | ast.Name(id=table)):
            yield from _table(table)
        case _:
            raise AssertionError(f"{path.name}:{node.lineno}: which code is this?")


def _assigned(name: str, path: Path) -> ast.expr | None:
    """Return what a local variable is set to, if only once."""
    values = [
        node.value
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Assign)
        and any(isinstance(each, ast.Name) and each.id == name for each in node.targets)
    ]
    return values[0] if len(values) == 1 else None


def _table(name: str) -> list[str]:
    """Return the values of a constant dictionary of the integration."""
    for path in python_files(INTEGRATION):
        for node in parse(path).body:
            match node:
                case (
                    ast.AnnAssign(target=ast.Name(id=found), value=ast.Dict() as table)
                    | ast.Assign(targets=[ast.Name(id=found)], value=ast.Dict() as table)
                ) if found == name:
                    return [str(ast.literal_eval(value)) for value in table.values]
    raise AssertionError(f"there is no table {name}")


def _section_of(function: str) -> str:
    """Return the section of the text of a `translation_key` that is passed to a function."""
    if function.endswith("create_issue"):
        return "issues"
    if function == "async_get_or_create":
        return "device"
    if function.endswith(("SelectorConfig", "Selector")):
        return "selector"
    return "exceptions"


def _written_out(node: ast.expr | None) -> Iterator[str]:
    """Yield the strings an expression can have, as far as they are written out."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.Name(id=name) if name in _constants():
            yield _constants()[name]
        case ast.IfExp(body=body, orelse=orelse):
            yield from _written_out(body)
            yield from _written_out(orelse)
        case ast.Subscript(value=ast.Name(id=table)):
            yield from _table(table)


@cache
def _constants() -> dict[str, str]:
    """Return the strings that have a name of their own."""
    found = {}
    for path in FILES:
        for node in parse(path).body:
            match node:
                case (
                    ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(str() as text))
                    | ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(str() as text))
                ):
                    found[name] = text
    return found


def _keys(node: ast.expr | None) -> frozenset[str] | None:
    if node is None:
        return frozenset()
    if isinstance(node, ast.Dict):
        keys = [each.value for each in node.keys if isinstance(each, ast.Constant)]
        if len(keys) == len(node.keys):
            return frozenset(map(str, keys))
    return None


def _called_name(call: ast.Call) -> str:
    # A generic class may be called with the type that it is for.
    function = call.func.value if isinstance(call.func, ast.Subscript) else call.func
    return _dotted(function).rpartition(".")[2]


def _dotted(node: Any) -> str:
    match node:
        case ast.Name(id=name):
            return str(name)
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
        case _:
            return ""
