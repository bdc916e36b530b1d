"""Actions, triggers and conditions: what is offered, described and translated is the same."""

from typing import Any

from homeassistant.helpers.selector import validate_selector
import pytest

from .code import FILES, strings
from .project import INTEGRATION, read_yaml, translations

TEXTS = translations()

pytestmark = pytest.mark.parametrize(
    ("section", "module"),
    [("services", "services"), ("triggers", "trigger"), ("conditions", "condition")],
)


def _described(section: str) -> dict[str, Any]:
    path = INTEGRATION / f"{section}.yaml"
    if not path.is_file():
        return {}
    content = read_yaml(path)
    # Beginning with a dot: only there to be repeated by YAML itself.
    return {key: value or {} for key, value in content.items() if not key.startswith(".")}


def _fields(description: dict[str, Any]) -> dict[str, Any]:
    """Return the fields, those in sections too."""
    found: dict[str, Any] = {}
    for name, field in description.get("fields", {}).items():
        found |= field.get("fields", {name: field})
    return found


def test_file_belongs_to_a_module(section: str, module: str) -> None:
    offered = (INTEGRATION / f"{module}.py").is_file()
    assert offered == (INTEGRATION / f"{section}.yaml").is_file()


def test_all_are_translated(section: str, module: str) -> None:
    texts = TEXTS.get(section, {})
    described = _described(section)
    assert set(texts) == set(described)
    for key, description in described.items():
        assert texts[key]["name"]
        assert texts[key]["description"]
        assert set(texts[key].get("fields", {})) == set(_fields(description)), key


def test_all_are_in_the_code(section: str, module: str) -> None:
    assert set(_described(section)) <= strings(*FILES)


def test_selectors_are_valid(section: str, module: str) -> None:
    for key, description in _described(section).items():
        for name, field in _fields(description).items():
            selector = field["selector"]
            validate_selector(selector)
            options = selector.get("select") or {}
            if "translation_key" in options:
                assert options["translation_key"] in TEXTS["selector"], f"{key}.{name}"
