"""Entities: every one has a name, and names and icons are there for nothing else."""

import ast
from functools import cache
import gzip
from importlib import import_module
import json
from pathlib import Path
import re

from homeassistant.components.sensor import SensorEntityDescription
from homeassistant.helpers.typing import UNDEFINED
import pytest

from custom_components.fimp_chargepoint.chargepoint.everest.ocpp import requests

from .entities import PLATFORMS, TEXTS, descriptions
from .project import DOMAIN, INTEGRATION, LIBRARY, leaves, parse, read_json

ICONS = read_json(INTEGRATION / "icons.json")


def test_every_platform_is_set_up() -> None:
    const = import_module(f"custom_components.{DOMAIN}.const")
    assert sorted(const.PLATFORMS) == PLATFORMS


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_entity_has_a_name(platform: str) -> None:
    texts = TEXTS["entity"].get(platform, {})
    assert descriptions(platform)
    for each in descriptions(platform):
        assert each.name in (None, UNDEFINED), f"{each.key}: names are in en.json"
        if each.name is None:  # the main feature, named as its device
            continue
        if each.translation_key is None:
            assert each.device_class is not None, f"{each.key}: from where is its name?"
        else:
            assert texts[each.translation_key].get("name"), each.key


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_two_entities_have_the_same_key(platform: str) -> None:
    keys = [each.key for each in descriptions(platform)]
    assert len(keys) == len(set(keys))
    assert all(re.fullmatch(r"[a-z0-9_]+", key) for key in keys)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_state_has_a_name(platform: str) -> None:
    texts = TEXTS["entity"].get(platform, {})
    for each in descriptions(platform):
        options = getattr(each, "options", None)
        if options and each.translation_key:
            assert set(texts[each.translation_key]["state"]) == set(options), each.key


def test_one_quantity_has_one_precision() -> None:
    """16.0 A beside 16 A looks like two different things."""
    digits: dict[tuple[object, object], set[object]] = {}
    for each in descriptions("sensor"):
        assert isinstance(each, SensorEntityDescription)
        quantity = (each.device_class, each.native_unit_of_measurement)
        if each.native_unit_of_measurement is not None:
            digits.setdefault(quantity, set()).add(each.suggested_display_precision)
    assert len(digits) > 5
    assert {quantity: found for quantity, found in digits.items() if len(found) > 1} == {}


@pytest.mark.parametrize("seconds", [59, 539, 1201, 3599, 36_839])
def test_a_duration_is_right_to_the_minute(seconds: int) -> None:
    """The frontend rounds the hours to the digits, and shows whole hours and minutes of that."""
    (duration,) = (each for each in descriptions("sensor") if each.key == "last_session_duration")
    assert isinstance(duration, SensorEntityDescription)
    assert duration.suggested_unit_of_measurement == "h"
    hours = round(seconds / 3600, duration.suggested_display_precision)
    assert int(hours) * 60 + int((hours - int(hours)) * 60) == seconds // 60


@pytest.mark.parametrize(("key", "fault"), [("status", "error"), ("not_charging_reason", "fault")])
def test_only_a_fault_is_red_in_a_history(key: str, fault: str) -> None:
    """The frontend colors the options of a sensor by their places, and the third one is red."""
    (description,) = (each for each in descriptions("sensor") if each.key == key)
    assert isinstance(description, SensorEntityDescription)
    assert description.options is not None
    assert description.options.index(fault) == 2


@pytest.mark.parametrize("language", ["de", "en", "nb", "nl", "sv"])
def test_events_are_not_called_like_what_is_beside_them(language: str) -> None:
    texts = read_json(INTEGRATION / "translations" / f"{language}.json")["entity"]
    events = {each["name"] for each in texts["event"].values()}
    others = {
        each["name"]
        for platform, names in texts.items()
        for each in names.values()
        if platform != "event" and "name" in each
    }
    assert events
    assert not events & others


def test_the_charge_switch_has_the_name_of_the_device() -> None:
    """A translated name would come before that, and the entity id would contain it."""
    (switch,) = (each for each in descriptions("switch") if each.key == "charging")
    assert switch.name is None
    texts = read_json(INTEGRATION / "translations" / "en.json")["entity"]["switch"]
    assert "name" not in texts["charging"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_icons_are_in_the_icon_file(platform: str) -> None:
    assert all(each.icon is None for each in descriptions(platform))


@pytest.mark.parametrize("file", ["icons.json", "translations/en.json"])
def test_every_entry_is_of_an_entity(file: str) -> None:
    for platform, entries in read_json(INTEGRATION / file).get("entity", {}).items():
        assert platform in PLATFORMS
        used = {each.translation_key for each in descriptions(platform)}
        assert set(entries) <= used


# Icons --------------------------------------------------------------------------------------


@cache
def _drawn() -> set[str]:
    """Return the names of the icons that Home Assistant's frontend brings."""
    frontend = pytest.importorskip("hass_frontend")
    names: set[str] = set()
    for path in (Path(frontend.__file__).parent / "static" / "mdi").glob("*.json*"):
        if path.suffix == ".br":
            continue
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as file:
            content = json.load(file)
        if isinstance(content, dict):
            names |= set(content)
    return names


def test_every_icon_is_drawn() -> None:
    for keys, icon in leaves(ICONS):
        assert icon.startswith("mdi:"), keys
        assert icon.removeprefix("mdi:") in _drawn(), f"{keys}: {icon}"


def test_no_state_repeats_the_default_icon() -> None:
    for platform, entries in ICONS.get("entity", {}).items():
        for key, icons in entries.items():
            assert "default" in icons, f"{platform}.{key}"
            assert icons["default"] not in icons.get("state", {}).values(), key


def test_every_icon_of_a_state_is_for_a_state_that_exists() -> None:
    for platform, entries in ICONS.get("entity", {}).items():
        for key, icons in entries.items():
            states = TEXTS["entity"].get(platform, {}).get(key, {}).get("state")
            if states is not None:
                assert set(icons.get("state", {})) <= set(states), key


def test_actions_with_an_icon_exist() -> None:
    for section in ("services", "triggers", "conditions"):
        assert set(ICONS.get(section, {})) == set(TEXTS.get(section, {})), section


def test_every_attribute_of_what_ocpp_tells_has_a_name() -> None:
    """Each kind of event names its attributes as Home Assistant will show them."""
    variable = {"variable": {"name": "a"}, "component": {"name": "b"}}
    changed = requests.event(
        {
            "component_variable": variable,
            "actual_value": "c",
            "trigger": "Alerting",
            "cleared": True,
        }
    )
    on_the_bus = requests.key_changed({"key": "a", "value": "c", "read_only": True})
    # It is found by name.
    (described,) = (
        {keyword.arg for keyword in node.keywords}
        for node in ast.walk(parse(LIBRARY / "everest" / "ocpp" / "client.py"))
        if isinstance(node, ast.Call)
        and ast.unparse(node).startswith("self._notify(OcppEvent.SECURITY_EVENT")
    )
    texts = TEXTS["entity"]["event"]
    for key, attributes in (
        ("variable_changed", changed.keys() | on_the_bus.keys()),
        ("security_event", described),
    ):
        assert attributes == texts[key]["state_attributes"].keys() - {"event_type"}
