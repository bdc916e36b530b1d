"""Figures that are read from the source files."""

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

#: The project modules that each project module imports, by dotted name.
type Graph = Mapping[str, frozenset[str]]

#: Tokens that do not make a line a line of code.
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
    """Return each figure by key, with its parts: a list, or numbers by name."""
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
    """Return the number of lines without blank lines, comments and docstrings."""
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
    """Return the import graph, including imports for types only."""
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
    """Return the groups of modules in import circles, largest first."""
    reached = {module: _reached(graph, module) for module in graph}
    groups = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in graph
        if module in reached[module]
    }
    return sorted(map(list, groups), key=lambda group: (-len(group), group))


def _reached(graph: Graph, module: str) -> frozenset[str]:
    """Return all modules that a module imports, directly or indirectly."""
    found: set[str] = set()
    queue = [module]
    while queue:
        new = graph[queue.pop()] - found
        found |= new
        queue += new
    return frozenset(found)


@cache
def _library_names() -> frozenset[tuple[str, str]]:
    """Return the modules and names that the Home Assistant side imports from the library."""
    modules = {_module(path) for path in python_files(LIBRARY)}
    side = [path for path in python_files(INTEGRATION) if not path.is_relative_to(LIBRARY)]
    return frozenset(
        (f"{module}.{each}", "*") if f"{module}.{each}" in modules else (module, each or "*")
        for path in side
        for _, module, each in imported(path)
        if _is_below(module, LIBRARY) or f"{module}.{each}" in modules
    )


def _any(path: Path) -> int:
    """Return how often a file uses `Any`."""
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
