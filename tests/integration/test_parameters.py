"""The settings of a charge point's manufacturer."""

from dataclasses import dataclass, replace
import json
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from simulators.fimp import ChargepointSetup
from simulators.fimp.catalogue import EVERYTHING
from tests.broker import BrokerProcess

from .conftest import Chargepoint, find, running, until

SET = "cmd.param.set"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A parameter of profile full: what it is, and how it is set to something else."""

    platform: str
    name: str
    before: str
    action: str = ""
    data: dict[str, Any] | None = None
    after: str = ""
    value: Any = None


PARAMETERS = {
    # Names of ours, if the parameter has the same meaning for all manufacturers.
    "cable_always_locked": Row(
        platform="switch",
        name="Permanent cable lock",
        before="off",
        action="turn_on",
        after="on",
        value=True,
    ),
    "free_charging": Row(
        platform="switch",
        name="Free charging",
        before="off",
        action="turn_on",
        after="on",
        value=True,
    ),
    "led_brightness": Row(
        platform="number",
        name="LED brightness",
        before="50",
        action="set_value",
        data={"value": 75},
        after="75",
        value=75,
    ),
    # Names of the maker.
    "child_lock": Row(
        platform="switch",
        name="Child lock",
        before="off",
        action="turn_on",
        after="on",
        value=True,
    ),
    "display_language": Row(
        platform="select",
        name="Display language",
        before="English",
        action="select_option",
        data={"option": "Norsk"},
        after="Norsk",
        value="nb",
    ),
    "low_current_time": Row(
        platform="select",
        name="Low current time",
        before="10 minutes",
        action="select_option",
        data={"option": "30 minutes"},
        after="30 minutes",
        value=30,
    ),
    # A value that cannot be set is shown.
    "ocpp_url": Row(platform="sensor", name="Back office", before="wss://example.org/ocpp"),
    "firmware_channel": Row(platform="sensor", name="Firmware channel", before="stable"),
    "quiet_days": Row(platform="sensor", name="Quiet days", before="6, 7"),
}
SETTABLE = {key: row for key, row in PARAMETERS.items() if row.action}

#: What the parameters look like after another client has changed them.
CHANGED = {
    "cable_always_locked": (True, "on"),
    "free_charging": (True, "on"),
    "led_brightness": (0, "0"),
    "child_lock": (True, "on"),
    "display_language": ("de", "Deutsch"),
    "low_current_time": (5, "5 minutes"),
    "ocpp_url": ("wss://example.org/other", "wss://example.org/other"),
    "firmware_channel": ("beta", "beta"),
    "quiet_days": ([7], "7"),
}


async def wait_for_parameter(chargepoint: Chargepoint, parameter_id: str, expected: str) -> None:
    """Wait until the entity of a parameter has a state."""
    platform = PARAMETERS[parameter_id].platform
    key = f"parameter_{parameter_id}"

    def shown() -> str:
        state = chargepoint.state(platform, key) or ""
        # A number may be written as 75 or 75.0.
        return state.removesuffix(".0") if platform == "number" else state

    await until(lambda: shown() == expected, f"{parameter_id} to be {expected}")


async def all_there(chargepoint: Chargepoint) -> None:
    """Wait until every parameter is shown."""
    for parameter_id, row in PARAMETERS.items():
        await wait_for_parameter(chargepoint, parameter_id, row.before)


async def choose(chargepoint: Chargepoint, parameter_id: str) -> None:
    """Set a parameter to the value in its row."""
    row = PARAMETERS[parameter_id]
    await chargepoint.call(
        row.platform, row.action, f"parameter_{parameter_id}", **(row.data or {})
    )


def report(chargepoint: Chargepoint, kind: str, value: Any) -> None:
    """Let the charge point report parameters."""
    point = chargepoint.point["garage"]
    topic = chargepoint.point.service_address("parameters", point.address)
    message = {"type": kind, "serv": "parameters", "val_t": "object", "val": value}
    chargepoint.point.send(f"pt:j1/mt:evt{topic}", json.dumps(message))


def test_every_parameter_has_a_row() -> None:
    """The profile has one of every kind that the documents know."""
    assert {each["parameter_id"] for each in EVERYTHING} == PARAMETERS.keys()
    assert CHANGED.keys() == PARAMETERS.keys()


async def test_what_they_are(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Each is the right kind of entity, in the right corner, under the right name."""
    await all_there(chargepoint)
    for parameter_id, row in PARAMETERS.items():
        entry = chargepoint.registered(row.platform, f"parameter_{parameter_id}")
        category = "config" if row.action else "diagnostic"
        assert entry.entity_category == category, parameter_id
        state = hass.states.get(entry.entity_id)
        assert state.attributes["friendly_name"] == f"Acme Wallbox {row.name}"
        assert entry.disabled_by is None


async def test_bounds_and_options(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await all_there(chargepoint)
    for name, expected in (("min", 0), ("max", 100), ("step", 1)):
        assert chargepoint.attribute("number", "parameter_led_brightness", name) == expected
    for parameter_id, options in (
        ("display_language", ["English", "Norsk", "Deutsch"]),
        ("low_current_time", ["5 minutes", "10 minutes", "30 minutes"]),
    ):
        key = f"parameter_{parameter_id}"
        assert chargepoint.attribute("select", key, "options") == options


async def test_setting(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Values go out in the type that the charge point knows, and back on the screen."""
    await all_there(chargepoint)
    types = {each["parameter_id"]: each["value_type"] for each in EVERYTHING}
    for parameter_id, row in SETTABLE.items():
        await choose(chargepoint, parameter_id)
        await wait_for_parameter(chargepoint, parameter_id, row.after)
        command = chargepoint.sent(SET)[-1]
        assert command["val_t"] == "object"
        assert command["val"] == {
            "parameter_id": parameter_id,
            "value_type": types[parameter_id],
            "value": row.value,
        }
        assert type(command["val"]["value"]) is type(row.value)
        assert chargepoint.point["garage"].parameters[parameter_id] == row.value
        pending = chargepoint.attribute(row.platform, f"parameter_{parameter_id}", "pending")
        assert pending is False
    assert len(chargepoint.sent(SET)) == len(SETTABLE)


async def test_switching_off(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await all_there(chargepoint)
    await choose(chargepoint, "child_lock")
    await chargepoint.call("switch", "turn_off", "parameter_child_lock")
    assert chargepoint.state("switch", "parameter_child_lock") == "off"
    # A value that applies already needs no message.
    await chargepoint.call("switch", "turn_off", "parameter_child_lock")
    assert [each["val"]["value"] for each in chargepoint.sent(SET)] == [True, False]


async def test_old_value_first(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Behind a cloud the first answer is what was."""
    async with running(hass, broker, ChargepointSetup(profile="easee")) as chargepoint:
        await wait_for_parameter(chargepoint, "cable_always_locked", "off")
        await choose(chargepoint, "cable_always_locked")
        assert chargepoint.state("switch", "parameter_cable_always_locked") == "on"
        assert chargepoint.point["garage"].parameters["cable_always_locked"] is True


async def test_changed_elsewhere(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await all_there(chargepoint)
    types = {each["parameter_id"]: each["value_type"] for each in EVERYTHING}
    for parameter_id, (value, shown) in CHANGED.items():
        report(
            chargepoint,
            "evt.param.report",
            {
                "parameter_id": parameter_id,
                "value_type": types[parameter_id],
                "value": value,
            },
        )
        await wait_for_parameter(chargepoint, parameter_id, shown)


@pytest.mark.parametrize("parameter_id", ["child_lock", "led_brightness", "display_language"])
async def test_pending_and_silence(
    hass: HomeAssistant, chargepoint: Chargepoint, parameter_id: str
) -> None:
    await all_there(chargepoint)
    row = PARAMETERS[parameter_id]
    chargepoint.node._commands._timeout = 1.0
    await chargepoint.point.silence()
    call = hass.async_create_task(choose(chargepoint, parameter_id))
    await wait_for_parameter(chargepoint, parameter_id, row.after)
    key = f"parameter_{parameter_id}"
    assert chargepoint.attribute(row.platform, key, "pending") is True
    with pytest.raises(HomeAssistantError) as caught:
        await call
    assert caught.value.translation_key == "command_timeout"
    assert chargepoint.state(row.platform, key) == row.before
    assert chargepoint.attribute(row.platform, key, "pending") is False


async def test_refused(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The charge point may know better than its own description."""
    await all_there(chargepoint)
    point = chargepoint.point["garage"]
    fewer = [
        each | {"max": 60} if each["parameter_id"] == "led_brightness" else each
        for each in EVERYTHING
    ]
    point.profile = replace(point.profile, parameters=tuple(fewer))
    with pytest.raises(HomeAssistantError, match="higher than allowed") as caught:
        await choose(chargepoint, "led_brightness")
    assert caught.value.translation_key == "command_rejected"
    assert chargepoint.state("number", "parameter_led_brightness") == "50"


async def test_not_possible(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await all_there(chargepoint)
    for platform, action, parameter_id, data in (
        ("number", "set_value", "led_brightness", {"value": 101}),
        ("select", "select_option", "display_language", {"option": "Klingon"}),
        ("select", "select_option", "display_language", {"option": "nb"}),
    ):
        with pytest.raises(ServiceValidationError):
            await chargepoint.call(platform, action, f"parameter_{parameter_id}", **data)
    assert chargepoint.sent(SET) == []


def described(*without: str) -> list[dict[str, Any]]:
    """Return the descriptions of all parameters but some."""
    return [each for each in EVERYTHING if each["parameter_id"] not in without]


async def test_parameter_that_vanishes(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """It takes its entity away; when it comes back, so does the entity."""
    await all_there(chargepoint)
    gone = ("child_lock", "led_brightness", "display_language", "quiet_days")
    before = {each: chargepoint.id(PARAMETERS[each].platform, f"parameter_{each}") for each in gone}
    count = len(hass.states.async_entity_ids())
    report(chargepoint, "evt.sup_params.report", described(*gone))
    registry = er.async_get(hass)
    for entity_id in before.values():
        await until(lambda entity_id=entity_id: hass.states.get(entity_id) is None)
        assert registry.async_get(entity_id) is None
    assert len(hass.states.async_entity_ids()) == count - len(gone)

    report(chargepoint, "evt.sup_params.report", described())
    await all_there(chargepoint)
    assert before == {
        each: chargepoint.id(PARAMETERS[each].platform, f"parameter_{each}") for each in gone
    }


async def test_all_vanish(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A charge point may lose the whole service."""
    await all_there(chargepoint)
    point = chargepoint.point["garage"]
    point.profile = replace(point.profile, parameters=())
    await chargepoint.point.relist()
    for parameter_id, row in PARAMETERS.items():
        await until(
            lambda row=row, key=f"parameter_{parameter_id}": find(hass, row.platform, key) is None,
            f"{parameter_id} to go",
        )


async def test_an_integer_without_bounds(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """It is a box that takes every integer there is; the charge point alone refuses one."""
    await all_there(chargepoint)
    free = {
        "parameter_id": "led_brightness",
        "name": "Anything",
        "value_type": "int",
        "widget_type": "input",
        "read_only": False,
    }
    point = chargepoint.point["garage"]
    known = [each for each in EVERYTHING if each["parameter_id"] != "led_brightness"]
    point.profile = replace(point.profile, parameters=(*known, free))
    report(chargepoint, "evt.sup_params.report", [*known, free])
    key = "parameter_led_brightness"
    most = 2**31 - 1
    await until(lambda: chargepoint.attribute("number", key, "max") == most)
    assert chargepoint.attribute("number", key, "min") == -most
    assert chargepoint.attribute("number", key, "step") == 1
    assert chargepoint.attribute("number", key, "mode") == "box"
    for value in (most, -most, 0):
        await chargepoint.call("number", "set_value", key, value=value)
        assert chargepoint.sent(SET)[-1]["val"]["value"] == value
        assert chargepoint.point["garage"].parameters["led_brightness"] == value
        await wait_for_parameter(chargepoint, "led_brightness", str(value))


async def test_parameter_of_another_kind(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """After an update a setting may be of another kind: it moves to the right platform."""
    await all_there(chargepoint)
    lock = next(each for each in EVERYTHING if each["parameter_id"] == "child_lock")
    other = lock | {"value_type": "int", "widget_type": "input", "min": 0, "max": 3}
    report(chargepoint, "evt.sup_params.report", [*described("child_lock"), other])
    await until(lambda: find(hass, "number", "parameter_child_lock"))
    assert find(hass, "switch", "parameter_child_lock") is None


async def test_bounds_change(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await all_there(chargepoint)
    led = next(each for each in EVERYTHING if each["parameter_id"] == "led_brightness")
    language = next(each for each in EVERYTHING if each["parameter_id"] == "display_language")
    report(
        chargepoint,
        "evt.sup_params.report",
        [
            *described("led_brightness", "display_language"),
            led | {"max": 60},
            language | {"options": language["options"][:2]},
        ],
    )
    key = "parameter_led_brightness"
    await until(lambda: chargepoint.attribute("number", key, "max") == 60)
    key = "parameter_display_language"
    assert chargepoint.attribute("select", key, "options") == ["English", "Norsk"]


async def test_back_after_a_break(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Values are asked for again; one that changed meanwhile is shown."""
    await all_there(chargepoint)
    await chargepoint.point.offline()
    await wait_for_parameter(chargepoint, "child_lock", "unavailable")
    chargepoint.point["garage"].parameters["child_lock"] = True
    await chargepoint.point.online()
    await wait_for_parameter(chargepoint, "child_lock", "on")
    await wait_for_parameter(chargepoint, "quiet_days", "6, 7")


async def test_no_parameters(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with running(hass, broker, ChargepointSetup(profile="minimal")) as chargepoint:
        assert chargepoint.sent("cmd.sup_params.get_report") == []
        entities = er.async_entries_for_config_entry(er.async_get(hass), chargepoint.entry.entry_id)
        assert not [each for each in entities if "parameter_" in each.unique_id]
