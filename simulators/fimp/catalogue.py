"""The parameters that charge points may have, in the format of supported-parameter reports."""

from typing import Any


def _parameter(
    key: str, name: str, kind: str, widget: str, default: object, **more: Any
) -> dict[str, Any]:
    return {
        "parameter_id": key,
        "name": name,
        "description": more.pop("description", ""),
        "value_type": kind,
        "widget_type": widget,
        **{word: more[word] for word in ("options", "min", "max") if word in more},
        "default_value": default,
        "read_only": more.get("read_only", False),
    }


def _options(**values: object) -> list[dict[str, object]]:
    return [{"label": label, "value": value} for label, value in values.items()]


def switch(key: str, name: str, text: str = "") -> dict[str, Any]:
    """Describe a parameter that is on or off, in the format of chargers."""
    choice = _options(Yes=True, No=False)
    return _parameter(key, name, "bool", "select", default=False, options=choice, description=text)


BASICS = (
    switch("cable_always_locked", "Cable always locked"),
    switch("free_charging", "Free charging"),
)
"""What nearly every charger has."""

EVERYTHING = (
    *BASICS,
    _parameter("led_brightness", "LED brightness", "int", "input", 50, min=0, max=100),
    _parameter("child_lock", "Child lock", "bool", "input", default=False),
    _parameter(
        "display_language",
        "Display language",
        "string",
        "select",
        "en",
        options=_options(English="en", Norsk="nb", Deutsch="de"),
    ),
    _parameter(
        "low_current_time",
        "Low current time",
        "int",
        "select",
        10,
        options=_options(**{"5 minutes": 5, "10 minutes": 10, "30 minutes": 30}),
    ),
    _parameter("ocpp_url", "Back office", "string", "input", "wss://example.org/ocpp"),
    _parameter("firmware_channel", "Firmware channel", "string", "input", "stable")
    | {"read_only": True},
    _parameter(
        "quiet_days",
        "Quiet days",
        "int_array",
        "multiselect",
        [6, 7],
        options=_options(Saturday=6, Sunday=7),
    ),
)
"""One parameter of every kind that the documents know."""
