"""The texts for users, looked up in the translations."""

from functools import cache
import json
from pathlib import Path
import re

_TEXTS = Path(__file__).parents[2] / "custom_components/fimp_chargepoint/translations/en.json"


@cache
def _texts() -> dict[str, object]:
    found = json.loads(_TEXTS.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def text(key: str) -> str:
    """Return the English text with a dotted key, such as `config.step.broker.title`."""
    found: object = _texts()
    for name in key.split("."):
        assert isinstance(found, dict), key
        found = found[name]
    assert isinstance(found, str), key
    return found


def part_of(key: str) -> str:
    """Return the longest part of a text in which nothing is filled in: what a page shows of it."""
    return max(re.split(r"\{\w+\}|\n+|(?<=[.:]) ", text(key)), key=len).strip()
