"""The message schemas of each EVerest release, and validation against them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
import json
import re
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from .recordings import RECORDINGS

#: The releases and the names of their schema files.
SCHEMAS = {"main": "main", "2026.02": "2026.02.1", "2025.10": "2025.10.0"}

#: Violations by EVerest itself: the path in the message, and the error.
KNOWN_VIOLATIONS = (
    (".event", "'SessionResumed:' is not one of"),
    ("$", "{'modes': "),
    (".charged_energy_wh", "-"),
    (".power_W.total", "None is not"),
)

_FOLDER = RECORDINGS / "everest" / "schemas"
_FORMATS = FormatChecker(())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    """Return whether a string has the time format of EVerest."""
    if not isinstance(value, str):
        return True
    datetime.fromisoformat(value)
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", value) is not None


def _faults(error: ValidationError) -> Iterator[ValidationError]:
    """Yield the errors of the first alternative; the other one is null, for a missing value."""
    if not error.context:
        yield error
    for alternative in error.context:
        if alternative.schema_path[0] == 0:
            yield from _faults(alternative)


@cache
def definitions(release: str) -> dict[str, Any]:
    """Return the APIs of a release by name, with their messages."""
    path = _FOLDER / f"{SCHEMAS[release]}.json"
    apis: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return apis


def ocpp_interface(release: str) -> dict[str, Any]:
    """Return the variables and commands of EVerest's OCPP 1.6 interface."""
    path = _FOLDER / "ocpp_1_6_charge_point.json"
    interface: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))[release]
    return interface


class Schemas:
    """The message schemas of a release."""

    def __init__(self, release: str) -> None:
        """Load the schemas of `release`, a key of SCHEMAS."""
        self._apis = definitions(release)
        self._validators: dict[tuple[str, str], Draft202012Validator] = {}

    def published_topics(self, kind: str) -> Iterator[str]:
        """Yield the topics that a type of module publishes, such as `e2m/powermeter`."""
        api = self._apis.get(f"{kind}_API", {"messages": {}})
        for message in api["messages"].values():
            if message["client_action"] == "receive" and message["address"]:
                yield message["address"]

    def check(self, kind: str, name: str, value: Any) -> Sequence[str]:
        """Return the errors of a message, except known violations.

        `name` is its address, or its key if it has no address (replies).
        """
        if f"{kind}_API" not in self._apis:
            return [f"there is no {kind}"]
        validator = self._validator(kind, name)
        if validator is None:
            return [f"{kind} has no {name}"]
        return [
            f"{name}: {error.json_path}: {error.message}"
            for found in validator.iter_errors(value)
            for error in _faults(found)
            if not any(
                error.json_path.endswith(place) and error.message.startswith(words)
                for place, words in KNOWN_VIOLATIONS
            )
        ]

    def _validator(self, kind: str, name: str) -> Draft202012Validator | None:
        if (kind, name) not in self._validators:
            api = self._apis[f"{kind}_API"]
            for key, message in api["messages"].items():
                if name in (message["address"], key):
                    schema = {**message["payload_schema"], "$defs": api["$defs"]}
                    made = Draft202012Validator(schema, format_checker=_FORMATS)
                    self._validators[kind, name] = made
                    break
        return self._validators.get((kind, name))
