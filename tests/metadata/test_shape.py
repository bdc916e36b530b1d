"""The shape of our files is one that Home Assistant's own files have.

hassfest holds every file against a schema. The schemas are not in the package, but a
thousand files that passed them are: what occurs in several of those is allowed. Names that
an author chooses (of steps, fields, entities ...) count as `*`.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from .project import INTEGRATION, core_files, core_yaml_files, read_json, read_yaml

type Key = tuple[str, ...]

#: Below these, keys are chosen by the author.
_NAMING = {
    "abort",
    "choices",
    "common",
    "conditions",
    "config_subentries",
    "create_entry",
    "data",
    "data_description",
    "device",
    "error",
    "exceptions",
    "fields",
    "issues",
    "menu_option_descriptions",
    "menu_options",
    "options",
    "progress",
    "sections",
    "selector",
    "services",
    "state",
    "state_attributes",
    "step",
    "triggers",
}
#: Once may be an integration with a page of its own in the frontend.
_ENOUGH = 2
TRANSLATIONS = sorted((INTEGRATION / "translations").glob("*.json"))
_DESCRIPTIONS = ("services.yaml", "triggers.yaml", "conditions.yaml")


def _names_are_chosen_below(path: Key) -> bool:
    if path == ("options",):  # the options flow, not the options of a selector
        return False
    # What is allowed for an entity is the same on every platform.
    return path in {("entity",), ("entity", "*")} or (bool(path) and path[-1] in _NAMING)


def _shapes(node: dict[str, Any], path: Key = ()) -> Iterator[tuple[Key, type]]:
    """Yield each path, chosen names as `*`, with the type of what is there."""
    chosen = _names_are_chosen_below(path)
    for key, value in node.items():
        here = (*path, "*" if chosen else key)
        yield here, type(value)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield from _shapes(each, here)


@cache
def _known(core_name: str) -> dict[tuple[Key, type], int]:
    return Counter(shape for file in core_files(core_name) for shape in set(_shapes(file)))


def _described(file: dict[str, Any]) -> Iterator[tuple[Key, type]]:
    """Yield the shape of each action, trigger or condition in a file."""
    for key, description in file.items():
        if not key.startswith("."):  # only there to be repeated
            yield from _shapes(description or {})


@cache
def _known_descriptions() -> frozenset[tuple[Key, type]]:
    """Return what is known of any of them: they describe their targets and fields alike."""
    return frozenset(
        shape
        for name in _DESCRIPTIONS
        for file in core_yaml_files(name)
        for shape in _described(file)
    )


@pytest.mark.parametrize(
    ("file", "core_name"),
    [
        *((f"translations/{path.name}", "strings.json") for path in TRANSLATIONS),
        ("icons.json", "icons.json"),
    ],
)
def test_shape(file: str, core_name: str) -> None:
    unknown = {
        f"{'.'.join(path)} ({kind.__name__})"
        for path, kind in _shapes(read_json(INTEGRATION / file))
        if _known(core_name).get((path, kind), 0) < _ENOUGH
    }
    assert not unknown


@pytest.mark.parametrize("file", _DESCRIPTIONS)
def test_shape_of_descriptions(file: str) -> None:
    """Every word there is one that Home Assistant knows."""
    unknown = {
        f"{'.'.join(path)} ({kind.__name__})"
        for path, kind in set(_described(read_yaml(INTEGRATION / file))) - _known_descriptions()
    }
    assert not unknown


def test_mistakes_are_found() -> None:
    """The test above is worth something."""
    mistakes: list[dict[str, Any]] = [
        {"config": {"step": {"user": {"dta": {"host": "Host"}}}}},
        {"entity": {"sensor": {"status": {"title": "Status"}}}},
        {"exceptions": {"failed": "Failed"}},
        {"issues": {"old": {"headline": "Old"}}},
    ]
    for mistake in mistakes:
        shapes = set(_shapes(mistake))
        assert any(_known("strings.json").get(shape, 0) < _ENOUGH for shape in shapes)
    wrong = {"gone": {"target": {"entity": [{"platform": "binary_sensor"}]}}}
    assert not set(_described(wrong)) <= _known_descriptions()
