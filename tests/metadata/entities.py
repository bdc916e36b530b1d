"""The descriptions of the platforms, and their English names."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from homeassistant.const import Platform
from homeassistant.helpers.entity import EntityDescription

from .project import DOMAIN, HOME_ASSISTANT, INTEGRATION, read_json, translations

TEXTS = translations()
PLATFORMS = sorted(each for each in Platform if (INTEGRATION / f"{each}.py").is_file())


def _in(value: Any) -> Iterator[EntityDescription]:
    if isinstance(value, EntityDescription):
        yield value
    elif isinstance(value, dict):
        yield from _in(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _in(each)


@cache
def descriptions(platform: str) -> list[EntityDescription]:
    """Return what the tables of a platform describe."""
    module = import_module(f"custom_components.{DOMAIN}.{platform}")
    return [
        each
        for name, value in vars(module).items()
        if not name.startswith("__")
        for each in _in(value)
    ]


def name_of(platform: str, description: EntityDescription) -> str:
    """Return the name of an entity; that of a main feature, which has none, is its key."""
    if description.name is None:
        return description.key
    if description.translation_key is not None:
        name = TEXTS["entity"][platform][description.translation_key]["name"]
    else:
        texts = read_json(HOME_ASSISTANT / "components" / platform / "translations" / "en.json")
        name = texts["entity_component"][description.device_class]["name"]
    assert isinstance(name, str)
    return name
