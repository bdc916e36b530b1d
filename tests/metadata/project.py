"""The files of the project, and how to read them."""

import ast
from collections.abc import Iterator
from functools import cache
import json
from pathlib import Path
import subprocess
from typing import Any

import homeassistant
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
DOMAIN = "fimp_chargepoint"
INTEGRATION = ROOT / "custom_components" / DOMAIN
LIBRARY = INTEGRATION / "chargepoint"
#: All of the integration but the library.
HOME_ASSISTANT_SIDE = sorted(
    path for path in INTEGRATION.rglob("*.py") if not path.is_relative_to(LIBRARY)
)
SIMULATORS = ROOT / "simulators"
HOME_ASSISTANT = Path(homeassistant.__file__).parent


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; a key that comes twice is a mistake."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"{path}: a key comes twice among {keys}"
        return dict(pairs)

    result = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
    assert isinstance(result, dict)
    return result


def translations() -> dict[str, Any]:
    """Return the English texts."""
    return read_json(INTEGRATION / "translations" / "en.json")


def core_files(name: str) -> Iterator[dict[str, Any]]:
    """Yield the file of this name of each of Home Assistant's own integrations."""
    for path in (HOME_ASSISTANT / "components").glob(f"*/{name}"):
        yield json.loads(path.read_text(encoding="utf-8"))


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file, which may be empty."""
    result = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    assert isinstance(result, dict)
    return result


def core_yaml_files(name: str) -> Iterator[dict[str, Any]]:
    """Yield the YAML file of this name of each of Home Assistant's own integrations."""
    yield from map(read_yaml, (HOME_ASSISTANT / "components").glob(f"*/{name}"))


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value of a tree with the keys that lead to it."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, node


def python_files(*folders: Path) -> list[Path]:
    """Return the Python files below some folders; a folder may not be there yet."""
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> Iterator[tuple[int, str, str | None]]:
    """Yield the line, the module and the name of all that a file imports.

    Relative modules are written out; the name is empty if the module itself is imported.
    """
    package = name(path.parent).split("/")
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield node.lineno, each.name, None
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for each in node.names:
                yield node.lineno, module, each.name


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each module that a file imports, relative ones written out, with the line."""
    for line, module, each in imported(path):
        yield line, module
        if each is not None:
            # `from . import x` may name a module.
            yield line, f"{module}.{each}"


def name(path: Path) -> str:
    """Return a path relative to the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def project_files() -> list[Path]:
    """Return the files that belong to the project: what git knows, or would add."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    if listing.returncode:  # not a git checkout, or no git
        names = [
            name(path)
            for path in ROOT.rglob("*")
            if not {".git", "__pycache__", "node_modules"} & set(path.parts)
            and not any(part.startswith(".venv") for part in path.parts)
            and "_cache" not in str(path)
        ]
    else:
        names = listing.stdout.split("\0")
    return sorted(path for each in set(names) - {""} if (path := ROOT / each).is_file())


def text_of(path: Path) -> str | None:
    """Return the text of a file, or None if it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
