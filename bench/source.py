"""Figures of the code as it is written: read from the files, without running them."""

import ast
from collections.abc import Iterable, Mapping
from functools import cache
import io
from pathlib import Path
import tokenize
from typing import Any

from tests.metadata.project import (
    INTEGRATION,
    LIBRARY,
    imported,
    name,
    project_files,
    python_files,
)

#: What each module of the project imports of it, by their dotted names.
type Graph = Mapping[str, frozenset[str]]

#: What is on a line and makes it no line of code.
_NO_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
)


def measure() -> dict[str, Any]:
    """Return every figure by its key, with what it counts: a list or numbers by name."""
    graph = import_graph()
    ours = {module for module in graph if _is_below(module, INTEGRATION)}
    files = python_files(INTEGRATION)
    return {
        "modules": sorted(ours),
        "lines": {name(path): code_lines(path.read_text(encoding="utf-8")) for path in files},
        "single_importer": [
            module
            for module in sorted(ours)
            if sum(module in graph[importer] for importer in ours) == 1
        ],
        "any": {name(path): found for path in files if (found := _any(path))},
        "in_circles": circles(graph),
        "library_modules": sorted({module for module, _ in _library_names()}),
        "library_names": sorted(f"{module}.{each}" for module, each in _library_names()),
    }


def code_lines(source: str) -> int:
    """Return how many lines hold code: no comment, no docstring, and not blank."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Module(body=[first, *_])
                | ast.ClassDef(body=[first, *_])
                | ast.FunctionDef(body=[first, *_])
                | ast.AsyncFunctionDef(body=[first, *_])
            ) if _is_text(first):
                lines.difference_update(range(first.lineno, (first.end_lineno or 0) + 1))
    return len(lines)


def import_graph() -> Graph:
    """Return who imports whom, for the types only too: a reader has to follow both."""
    files = {_module(path): path for path in project_files() if path.suffix == ".py"}
    return {
        module: frozenset(
            found
            for _, source, each in imported(path)
            if (found := _existing(files, f"{source}.{each}", source)) is not None
        )
        for module, path in files.items()
    }


def circles(graph: Graph) -> list[list[str]]:
    """Return each group of modules that all need each other, the largest first."""
    reached = {module: _reached(graph, module) for module in graph}
    groups = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in graph
        if module in reached[module]
    }
    return sorted(map(list, groups), key=lambda group: (-len(group), group))


def _reached(graph: Graph, module: str) -> frozenset[str]:
    """Return what a module imports, and what that imports, and so on."""
    found: set[str] = set()
    queue = [module]
    while queue:
        new = graph[queue.pop()] - found
        found |= new
        queue += new
    return frozenset(found)


@cache
def _library_names() -> frozenset[tuple[str, str]]:
    """Return the modules and names of the library that Home Assistant's side imports."""
    modules = {_module(path) for path in python_files(LIBRARY)}
    side = [path for path in python_files(INTEGRATION) if not path.is_relative_to(LIBRARY)]
    return frozenset(
        (f"{module}.{each}", "*") if f"{module}.{each}" in modules else (module, each or "*")
        for path in side
        for _, module, each in imported(path)
        if _is_below(module, LIBRARY) or f"{module}.{each}" in modules
    )


def _any(path: Path) -> int:
    """Return how often a file says that something can be anything."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return sum(token.type == tokenize.NAME and token.string == "Any" for token in tokens)


def _module(path: Path) -> str:
    """Return the dotted name of a file."""
    return name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _is_below(module: str, folder: Path) -> bool:
    return f"{module}.".startswith(f"{_module(folder)}.")


def _existing(modules: Iterable[str], *names: str) -> str | None:
    return next((each for each in names if each in modules), None)


def _is_text(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False
