"""Every interface of the FIMP documents and of today's adapters, in both directions.

Commands: each command of an entity has exactly the form on the wire that adapters accept, which
is strict. Reports: each report of an adapter is on the screen. The tables have a row for every
interface that a simulated charge point has, and `test_no_interface_is_missing` counts them.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import json
from typing import Any
from uuid import UUID

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest

from simulators.fimp.commands import COMMANDS
from simulators.fimp.interfaces import (
    BARE_METER,
    DEFA_CHARGEPOINT,
    EASEE_2021_CHARGEPOINT,
    FEATURES,
    SERVICES,
)
from simulators.fimp.profiles import PROFILES
from tests.broker import BrokerProcess
from tests.helpers.waiting import PATIENCE

from .conftest import QUIET, Chargepoint, find, running, until

#: A service and one of its interfaces.
type Interface = tuple[str, str]

#: What both documents of the chargepoint service list.
DOCUMENTED = (
    "cmd.charge.start",
    "cmd.charge.stop",
    "cmd.state.get_report",
    "evt.state.report",
    "cmd.cable_lock.set",
    "cmd.cable_lock.get_report",
    "evt.cable_lock.report",
    "cmd.current_session.get_report",
    "evt.current_session.report",
    "evt.error.report",
)

#: What adapters of 2021 list, and neither a document nor the adapters themselves explain.
UNUSED = {
    ("chargepoint", kind)
    for kind in (
        "cmd.mode.set",
        "cmd.mode.get_report",
        "evt.mode.report",
        "cmd.smart_charge.set",
        "cmd.smart_charge.get_report",
        "evt.smart_charge.report",
    )
}

#: These fields, and no others.
FIELDS = {"type", "serv", "val_t", "val", "props", "tags", "ver", "src", "ctime", "uid"}


# Commands ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Order:
    """An action on an entity, and the one message that it has to become."""

    service: str = "chargepoint"
    interface: str
    entity: tuple[str, str]
    action: str
    data: dict[str, Any] = field(default_factory=dict)
    value_type: str = "null"
    value: Any = None
    props: dict[str, str] | None = None


CHARGING = ("switch", "charging")
LOCK = ("lock", "cable")

#: In an order in which a charge point with a car takes them all.
ORDERS = (
    Order(interface="cmd.charge.start", entity=CHARGING, action="turn_on"),
    Order(interface="cmd.charge.stop", entity=CHARGING, action="turn_off"),
    # A mode only if one was chosen; see `test_start_with_a_mode`.
    Order(
        interface="cmd.cable_lock.set",
        entity=LOCK,
        action="unlock",
        value_type="bool",
        value=False,
    ),
    Order(
        interface="cmd.cable_lock.set",
        entity=LOCK,
        action="lock",
        value_type="bool",
        value=True,
    ),
    Order(
        interface="cmd.max_current.set",
        entity=("number", "max_current"),
        action="set_value",
        data={"value": 16.0},
        value_type="int",
        value=16,
    ),
    Order(
        interface="cmd.current_session.set_current",
        entity=("number", "session_current"),
        action="set_value",
        data={"value": 10.0},
        value_type="int",
        value=10,
    ),
    Order(
        interface="cmd.phase_mode.set",
        entity=("select", "phase_mode"),
        action="select_option",
        data={"option": "nl2"},
        value_type="string",
        value="NL2",
    ),
    Order(
        interface="cmd.phase_mode.set",
        entity=("select", "phases"),
        action="select_option",
        data={"option": "3"},
        value_type="string",
        value="NL1L2L3",
    ),
    Order(
        service="parameters",
        interface="cmd.param.set",
        entity=("switch", "parameter_cable_always_locked"),
        action="turn_on",
        value_type="object",
        value={"parameter_id": "cable_always_locked", "value_type": "bool", "value": True},
    ),
    Order(
        service="parameters",
        interface="cmd.param.set",
        entity=("number", "parameter_led_brightness"),
        action="set_value",
        data={"value": 75.0},
        value_type="object",
        value={"parameter_id": "led_brightness", "value_type": "int", "value": 75},
    ),
    Order(
        service="parameters",
        interface="cmd.param.set",
        entity=("select", "parameter_display_language"),
        action="select_option",
        data={"option": "Norsk"},
        value_type="object",
        value={"parameter_id": "display_language", "value_type": "string", "value": "nb"},
    ),
    Order(
        service="dev_sys",
        interface="cmd.thing.reboot",
        entity=("button", "restart"),
        action="press",
        value_type="bool",
        value=False,
    ),
)

#: The requests that are sent automatically, since nothing is retained: value type and value.
QUESTIONS: dict[Interface, tuple[str, Any]] = {
    **{
        ("chargepoint", f"cmd.{name}.get_report"): ("null", None)
        for name in ("state", "current_session", "cable_lock", "max_current", "phase_mode")
    },
    **{
        ("meter_elec", f"cmd.{name}.get_report"): ("null", None)
        for name in ("meter", "meter_export", "meter_ext")
    },
    ("parameters", "cmd.sup_params.get_report"): ("null", None),
    ("parameters", "cmd.param.get_report"): ("string", "led_brightness"),
    **{
        ("diagnostic", f"cmd.{name}.get_report"): ("null", None)
        for name in ("errors", "lqi", "rssi", "uptime", "reboots_count", "reboot_reason")
    },
    ("alarm_system", "cmd.alarm.get_report"): ("null", None),
}

#: What the adapter itself is asked, and the device list of a hub.
MANAGEMENT: dict[str, tuple[str, str, str, Any]] = {
    "cmd.discovery.request": ("pt:j1/mt:cmd/rt:discovery", "system", "null", None),
    "cmd.network.get_all_nodes": (
        "pt:j1/mt:cmd/rt:ad/rn:easee/ad:1",
        "easee",
        "null",
        None,
    ),
    "cmd.thing.get_inclusion_report": (
        "pt:j1/mt:cmd/rt:ad/rn:easee/ad:1",
        "easee",
        "string",
        "1",
    ),
    "cmd.app.get_state": ("pt:j1/mt:cmd/rt:ad/rn:easee/ad:1", "easee", "null", None),
    "cmd.pd7.request": (
        "pt:j1/mt:cmd/rt:app/rn:vinculum/ad:1",
        "vinculum",
        "object",
        {
            "cmd": "get",
            "component": None,
            "id": None,
            "param": {"components": ["device", "room"]},
            "requestId": 1,
        },
    ),
}


@pytest.fixture(name="chargepoint")
async def chargepoint_fixture(
    hass: HomeAssistant, broker: BrokerProcess, everything_enabled: None
) -> AsyncGenerator[Chargepoint]:
    """A charge point with all features and entities, which reports only on request."""
    async with running(hass, broker, hub=True, timing=QUIET) as found:
        # The last answers of all.
        await found.wait_for_state("sensor", "restart_reason", "power_on")
        await found.wait_for_state("sensor", "parameter_quiet_days", "6, 7")
        # If a pause already looks like the result, no refusal is the confirmation.
        found.node._commands._timeout = 4.0
        yield found


def correct(topic: str, message: dict[str, Any]) -> None:
    """Check what is the same for every command."""
    assert message.keys() - {"resp_to"} == FIELDS
    assert message["tags"] is None
    assert message["ver"] == "1"
    assert message["src"]
    assert isinstance(message["src"], str)
    assert str(UUID(message["uid"])) == message["uid"]
    assert datetime.fromisoformat(message["ctime"]).tzinfo
    # A number among them costs the whole message.
    for value in (message["props"] or {}).values():
        assert isinstance(value, str)
    if "/rt:dev/" in topic:
        # Answers would go there, and other answers would not.
        assert "resp_to" not in message
        assert topic == f"pt:j1/mt:cmd/rt:dev/rn:easee/ad:1/sv:{message['serv']}/ad:1"


def essence(message: dict[str, Any]) -> str:
    """Return the contents of a message, so that 16 is not 16.0, and 1 is not true."""
    names = ("serv", "type", "val_t", "val", "props")
    return json.dumps({name: message[name] for name in names}, sort_keys=True)


async def test_commands(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Each action is one message, and it is done when the action returns."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    received = chargepoint.point.received
    wrong = {}
    for order in ORDERS:
        received.clear()
        platform, key = order.entity
        await chargepoint.call(platform, order.action, key, **order.data)
        expected = {
            "serv": order.service,
            "type": order.interface,
            "val_t": order.value_type,
            "val": order.value,
            "props": order.props,
        }
        sent = [each for _, text in received if not asks(each := json.loads(text))]
        if [*map(essence, sent)] != [essence(expected)]:
            wrong[order.interface, order.action] = sent
    assert not wrong


def asks(message: dict[str, Any]) -> bool:
    """Return whether a command only asks."""
    return str(message["type"]).endswith(".get_report")


@pytest.mark.parametrize("mode", ["slow", "normal"])
async def test_start_with_a_mode(hass: HomeAssistant, chargepoint: Chargepoint, mode: str) -> None:
    """The one property there is; choosing a mode alone sends nothing."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.call("select", "select_option", "charging_mode", option=mode)
    assert not chargepoint.sent("cmd.charge.start")
    await chargepoint.call("switch", "turn_on", "charging")
    (start,) = chargepoint.sent("cmd.charge.start")
    assert start["props"] == {"charging_mode": mode}
    assert (start["val_t"], start["val"]) == ("null", None)
    assert chargepoint.state("select", "charging_mode") == mode


async def test_questions(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """All of them are asked, each in the form that its adapter takes."""
    asked: dict[Interface, list[tuple[str, Any]]] = {}
    for _, text in chargepoint.point.received:
        message = json.loads(text)
        if asks(message):
            assert message["props"] is None
            interface = message["serv"], message["type"]
            asked.setdefault(interface, []).append((message["val_t"], message["val"]))
    assert asked.keys() == QUESTIONS.keys()
    assert not {
        interface: asked[interface]
        for interface, expected in QUESTIONS.items()
        if expected not in asked[interface]
    }


async def test_management(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The requests to adapters and to the hub."""
    wrong = {}
    for kind, (topic, service, value_type, value) in MANAGEMENT.items():
        sent = [
            (there, message)
            for there, text in chargepoint.point.received
            if (message := json.loads(text))["type"] == kind
        ]
        expected = (topic, service, value_type, value)
        found = [(there, *(each[key] for key in ("serv", "val_t", "val"))) for there, each in sent]
        if expected not in found:
            wrong[kind] = found
        for _, each in sent:
            # Only vinculum does not reply to requests without a topic for the reply.
            assert ("resp_to" in each) is (kind == "cmd.pd7.request")
    assert not wrong


async def test_form(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Every message is in the same form, and no two have the same uid."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.call("switch", "turn_on", "charging")
    await chargepoint.call("number", "set_value", "max_current", value=16)
    messages = [(topic, json.loads(text)) for topic, text in chargepoint.point.received]
    for topic, message in messages:
        correct(topic, message)
    assert len({message["uid"] for _, message in messages}) == len(messages)


# Reports -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Said:
    """A report, and the entities that show it."""

    interface: str
    value_type: str
    value: Any
    props: dict[str, str] | None = None
    shown: dict[tuple[str, str], str | Ago]
    """The states of the entities then, each of which was different before."""
    attributes: dict[tuple[str, str, str], Any] = field(default_factory=dict)


class Ago(timedelta):
    """Is equal to the text of a moment so long ago, give or take a minute."""

    def __eq__(self, other: object) -> bool:
        """Compare with a state."""
        if not isinstance(other, str) or (then := dt_util.parse_datetime(other)) is None:
            return False
        return abs(dt_util.utcnow() - then - self) < timedelta(minutes=1)

    __hash__ = timedelta.__hash__


STATUS = ("sensor", "status")
RAW = ("sensor", "raw_status")

_STARTED = "2026-11-20T08:44:05Z"
_LATER = "2026-11-20T09:00:00Z"


def _state(word: str, status: str | None = None, **more: str) -> Said:
    """Report a state; `more` are the binary sensors that change with it."""
    return Said(
        interface="evt.state.report",
        value_type="string",
        value=word,
        shown={RAW: word, STATUS: status or word}
        | {("binary_sensor", key): state for key, state in more.items()},
    )


def _metered(interface: str, unit: str, value: float, key: str) -> Said:
    return Said(
        interface=interface,
        value_type="float",
        value=value,
        props={"unit": unit, "is_virtual": "false"},
        shown={("sensor", key): str(float(value))},
    )


def _extended(name: str, value: float, key: str) -> Said:
    """Report one value of the meter: the others stay."""
    return Said(
        interface="evt.meter_ext.report",
        value_type="float_map",
        value={name: value},
        shown={("sensor", key): str(float(value))},
    )


def _session(energy: float, shown: dict[tuple[str, str], str], **props: str) -> Said:
    return Said(
        interface="evt.current_session.report",
        value_type="float",
        value=energy,
        props=props or None,
        shown=shown,
    )


def _lock(*, locked: bool, shown: dict[tuple[str, str], str], **props: str) -> Said:
    return Said(
        interface="evt.cable_lock.report",
        value_type="bool",
        value=locked,
        props=props or None,
        shown=shown,
    )


def _setting(parameter_id: str, kind: str, value: Any, entity: str, shown: str) -> Said:
    return Said(
        interface="evt.param.report",
        value_type="object",
        value={"parameter_id": parameter_id, "value_type": kind, "value": value},
        shown={(entity, f"parameter_{parameter_id}"): shown},
    )


def _alarm(event: str, status: str, problem: str, *problems: str) -> Said:
    return Said(
        interface="evt.alarm.report",
        value_type="str_map",
        value={"event": event, "status": status},
        shown={("binary_sensor", "problem"): problem},
        attributes={("binary_sensor", "problem", "problems"): [*problems]},
    )


ENERGY = ("sensor", "session_energy")
OFFERED = ("sensor", "offered_current")
CABLE = ("sensor", "cable_current")

#: By service, in an order in which they make sense.
REPORTS: dict[str, tuple[Said, ...]] = {
    "chargepoint": (
        # Every state of both documents, and of the adapters that came later.
        _state("requesting", plug="on"),
        _state("ready_to_charge"),
        _state("charging", charging="on"),
        _state("suspended_by_ev", charging="off"),
        _state("suspended_by_evse"),
        _state("switching_phases"),
        _state("finished"),
        _state("reserved", plug="unknown"),
        _state("unavailable", "out_of_service"),
        _state("error", problem="on"),
        _state("unknown", charging="unknown", problem="unknown"),
        _state("disconnected", plug="off", charging="off", problem="off"),
        # Words of Easee in 2021, and OCPP's, which DEFA passes on.
        _state("preparing", "requesting", plug="on"),
        _state("paused", "ready_to_charge"),
        _state("SuspendedEV", "suspended_by_ev"),
        _state("SuspendedEVSE", "suspended_by_evse"),
        _state("Finishing", "finished"),
        _state("Faulted", "error"),
        _state("available", "disconnected"),
        # An unknown word is shown as raw status, and is not a state.
        _state("dancing", "unknown"),
        Said(
            interface="evt.state.report",
            value_type="string",
            value="charging",
            props={"charging_mode": "slow"},
            shown={STATUS: "charging", ("select", "charging_mode"): "slow"},
        ),
        Said(
            interface="evt.state.report",
            value_type="string",
            value="suspended_by_ev",
            props={"charging_mode": "Normal"},
            shown={STATUS: "suspended_by_ev", ("select", "charging_mode"): "normal"},
        ),
        _session(
            0.5,
            {ENERGY: "0.5", ("sensor", "session_started"): "2026-11-20T08:44:05+00:00"},
            started_at=_STARTED,
        ),
        _session(
            1,
            {ENERGY: "1.0", OFFERED: "16.0"},
            started_at=_STARTED,
            offered_current="16",
        ),
        _session(1.25, {ENERGY: "1.25", OFFERED: "0.0"}, started_at=_STARTED, offered_current="0"),
        _session(
            2,
            {ENERGY: "2.0"},
            started_at=_STARTED,
            previous_session="7.50",
        ),
        _session(
            3,
            {
                ENERGY: "3.0",
                ("sensor", "session_ended"): "2026-11-20T09:00:00+00:00",
            },
            started_at=_STARTED,
            finished_at=_LATER,
            offered_current="0",
        ),
        # A missing end is a session that runs.
        _session(
            0,
            {ENERGY: "0.0", ("sensor", "session_ended"): "unknown"},
            started_at=_LATER,
            offered_current="0",
        ),
        _lock(locked=True, shown={LOCK: "locked", CABLE: "32.0"}, cable_current="32"),
        # A missing rating is one that did not change.
        _lock(locked=False, shown={LOCK: "unlocked"}),
        _lock(locked=True, shown={LOCK: "locked", CABLE: "unknown"}, cable_current="0"),
        Said(
            interface="evt.max_current.report",
            value_type="int",
            value=20,
            shown={("number", "max_current"): "20"},
        ),
        Said(
            interface="evt.phase_mode.report",
            value_type="string",
            value="NL3",
            shown={("select", "phase_mode"): "nl3", ("select", "phases"): "1"},
        ),
    ),
    "meter_elec": (
        _metered("evt.meter.report", "W", 11040, "power"),
        _metered("evt.meter.report", "kWh", 1300.5, "lifetime_energy"),
        # No list mentions these units.
        _metered("evt.meter.report", "V", 231, "voltage"),
        _metered("evt.meter.report", "A", 15.5, "current"),
        _metered("evt.meter.report", "Hz", 50.1, "frequency"),
        _metered("evt.meter.report", "power_factor", 0.98, "power_factor"),
        _metered("evt.meter_export.report", "W", 300, "power_export"),
        _metered("evt.meter_export.report", "kWh", 20.5, "energy_export"),
        _extended("p_import", 7360, "power"),
        _extended("p1", 2400, "power_l1"),
        _extended("p2", 2500, "power_l2"),
        _extended("p3", 2600, "power_l3"),
        _extended("p_export", 10, "power_export"),
        _extended("p_factor", 0.95, "power_factor"),
        _extended("e_import", 1301, "lifetime_energy"),
        _extended("e_export", 21, "energy_export"),
        _extended("u", 232, "voltage"),
        _extended("u1", 226, "voltage_l1"),
        _extended("u2", 227, "voltage_l2"),
        _extended("u3", 228, "voltage_l3"),
        _extended("i", 11, "current"),
        _extended("i1", 12, "current_l1"),
        _extended("i2", 13, "current_l2"),
        _extended("i3", 14, "current_l3"),
        _extended("freq", 49.9, "frequency"),
        # One value costs none of the others.
        Said(
            interface="evt.meter_ext.report",
            value_type="float_map",
            value={"i1": 6, "i2": 0},
            shown={("sensor", "current_l1"): "6.0", ("sensor", "current_l2"): "0.0"},
        ),
    ),
    "parameters": (
        _setting("free_charging", "bool", True, "switch", "on"),
        _setting("led_brightness", "int", 5, "number", "5"),
        _setting("low_current_time", "int", 5, "select", "5 minutes"),
        _setting("display_language", "string", "de", "select", "Deutsch"),
        _setting("firmware_channel", "string", "beta", "sensor", "beta"),
        _setting("quiet_days", "int_array", [1], "sensor", "1"),
        Said(
            interface="evt.sup_params.report",
            value_type="object",
            value=[
                {
                    "parameter_id": "boost",
                    "name": "Boost",
                    "value_type": "float",
                    "widget_type": "input",
                    "min": 0.5,
                    "max": 2.5,
                },
            ],
            shown={("number", "parameter_boost"): "unknown"},
            attributes={("number", "parameter_boost", "max"): 2.5},
        ),
        _setting("boost", "float", 1.5, "number", "1.5"),
    ),
    "alarm_system": (
        _alarm("OVER_TEMP_FAULT", "activ", "on", "Over temp fault"),
        _alarm("OVER_TEMP_FAULT", "deactiv", "off"),
    ),
    "diagnostic": (
        Said(
            interface="evt.lqi.report",
            value_type="int",
            value=99,
            shown={("sensor", "link_quality"): "99.0"},
        ),
        Said(
            interface="evt.rssi.report",
            value_type="int",
            value=-70,
            shown={("sensor", "signal_strength"): "-70.0"},
        ),
        Said(
            interface="evt.uptime.report",
            value_type="int",
            value=864000,
            shown={("sensor", "uptime"): Ago(days=10)},
        ),
        Said(
            interface="evt.reboots_count.report",
            value_type="int",
            value=9,
            shown={("sensor", "restarts"): "9.0"},
        ),
        Said(
            interface="evt.reboot_reason.report",
            value_type="string",
            value="watchdog",
            shown={("sensor", "restart_reason"): "watchdog"},
        ),
        Said(
            interface="evt.errors.report",
            value_type="str_array",
            value=["relay"],
            shown={("binary_sensor", "problem"): "on"},
            attributes={("binary_sensor", "problem", "problems"): ["Relay"]},
        ),
        Said(
            interface="evt.errors.report",
            value_type="str_array",
            value=[],
            shown={("binary_sensor", "problem"): "off"},
            attributes={("binary_sensor", "problem", "problems"): []},
        ),
    ),
}


def say(chargepoint: Chargepoint, service: str, kind: str, **fields: Any) -> None:
    """Publish a report in the name of the adapter."""
    address = chargepoint.point.service_address(service, chargepoint.point["garage"].address)
    message = {"type": kind, "serv": service, "tags": None, "props": None, "corid": ""}
    chargepoint.point.send(f"pt:j1/mt:evt{address}", json.dumps(message | fields))


@pytest.mark.parametrize("service", REPORTS)
async def test_reports(hass: HomeAssistant, chargepoint: Chargepoint, service: str) -> None:
    """Each report changes the entities it belongs to."""
    await chargepoint.wait_for_state("lock", "cable", "unlocked")
    for report in REPORTS[service]:
        row = f"{report.interface} {report.value} {report.props}"
        first, *_ = report.shown.items()
        assert chargepoint.state(*first[0]) != first[1], f"nothing would change: {row}"
        say(
            chargepoint,
            service,
            report.interface,
            val_t=report.value_type,
            val=report.value,
            props=report.props,
        )
        for entity, state in report.shown.items():
            await until(
                lambda entity=entity, state=state: chargepoint.state(*entity) == state,
                f"{entity} to be {state} after {row}",
            )
        for attribute, value in report.attributes.items():
            assert chargepoint.attribute(*attribute) == value, row


# Errors and successes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "props", "reason"),
    [
        (
            "failed to process incoming message",
            {"msg": "charger is offline", "cmd_type": "cmd.charge.start"},
            "charger is offline",
        ),
        ("TX_ERROR", None, "TX_ERROR"),
        ("the box is asleep", {}, "the box is asleep"),
        ("", None, "no reason was given"),
    ],
)
async def test_error_with_corid(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    value: str,
    props: dict[str, str] | None,
    reason: str,
) -> None:
    """An error belongs to the command that it names, and is quoted."""
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.point.silence()
    call = hass.async_create_task(chargepoint.call("switch", "turn_on", "charging"))
    (start,) = await until(lambda: chargepoint.sent("cmd.charge.start"))
    others = "00000000-0000-4000-8000-000000000000"
    for service, corid in (("chargepoint", others), ("meter_elec", "")):
        # The answer to another client, and an error of another service.
        kind = "evt.error.report"
        say(chargepoint, service, kind, val_t="string", val="TX_ERROR", corid=corid)
    # Earlier messages are received before later ones.
    say(chargepoint, "chargepoint", "evt.max_current.report", val_t="int", val=13)
    await chargepoint.wait_for_state("number", "max_current", "13")
    assert not call.done()
    assert chargepoint.attribute("switch", "charging", "pending") is True
    say(
        chargepoint,
        "chargepoint",
        "evt.error.report",
        val_t="string",
        val=value,
        props=props,
        corid=start["uid"],
    )
    with pytest.raises(HomeAssistantError) as caught:
        async with asyncio.timeout(PATIENCE):
            await call
    if not value and not props:
        # Our words, since the charge point has none.
        assert caught.value.translation_key == "no_reason"
    else:
        assert caught.value.translation_key == "command_rejected"
        assert caught.value.translation_placeholders["reason"] == reason
    assert chargepoint.state("switch", "charging") == "off"


#: Services that answer with errors, and a command of ours that they may refuse.
REFUSING: dict[str, Callable[[Chargepoint], Awaitable[None]]] = {
    "parameters": lambda chargepoint: chargepoint.call("switch", "turn_on", "parameter_child_lock"),
    "dev_sys": lambda chargepoint: chargepoint.call("button", "press", "restart"),
}
#: Services whose errors answer questions only: nothing waits for them.
ASKED_ONLY = ("meter_elec", "diagnostic")


@pytest.mark.parametrize("service", REFUSING)
async def test_error_of_a_sibling(
    hass: HomeAssistant, chargepoint: Chargepoint, service: str
) -> None:
    received = chargepoint.point.received
    received.clear()
    await chargepoint.point.silence()
    call = hass.async_create_task(REFUSING[service](chargepoint))
    (text,) = await until(lambda: [text for _, text in received if ".get_report" not in text])
    say(
        chargepoint,
        service,
        "evt.error.report",
        val_t="string",
        val="TX_ERROR",
        corid=json.loads(text)["uid"],
    )
    with pytest.raises(HomeAssistantError, match="TX_ERROR"):
        async with asyncio.timeout(PATIENCE):
            await call


@pytest.mark.parametrize("service", ASKED_ONLY)
async def test_error_without_corid(
    hass: HomeAssistant, chargepoint: Chargepoint, service: str
) -> None:
    """It changes nothing that is known, and is an event in its own words."""
    before = {each.entity_id: each.state for each in hass.states.async_all()}
    say(chargepoint, service, "evt.error.report", val_t="string", val="TX_ERROR")
    say(chargepoint, "chargepoint", "evt.max_current.report", val_t="int", val=13)
    await chargepoint.wait_for_state("number", "max_current", "13")
    now = {each.entity_id: each.state for each in hass.states.async_all()}
    changed = {key for key in before | now if before.get(key) != now.get(key)}
    event = chargepoint.id("event", "problem")
    assert changed == {chargepoint.id("number", "max_current"), event}
    assert chargepoint.attribute("event", "problem", "event_type") == "error_reported"
    assert chargepoint.attribute("event", "problem", "message") == "TX_ERROR"


async def test_error_without_corid_ends_the_only_command(
    hass: HomeAssistant, chargepoint: Chargepoint
) -> None:
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.point.silence()
    call = hass.async_create_task(chargepoint.call("switch", "turn_on", "charging"))
    await until(lambda: chargepoint.sent("cmd.charge.start"))
    say(chargepoint, "chargepoint", "evt.error.report", val_t="string", val="TX_ERROR")
    with pytest.raises(HomeAssistantError, match="TX_ERROR"):
        async with asyncio.timeout(PATIENCE):
            await call
    assert chargepoint.attribute("event", "problem", "message") == "TX_ERROR"


async def test_success_with_corid(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Only the success of this very command is one."""
    await chargepoint.point.silence()
    call = hass.async_create_task(chargepoint.call("button", "press", "restart"))
    (command,) = await until(lambda: chargepoint.sent("cmd.thing.reboot"))
    kind = "evt.success.report"
    say(chargepoint, "dev_sys", kind, val_t="null", val=None, corid="another")
    say(chargepoint, "chargepoint", "evt.max_current.report", val_t="int", val=13)
    await chargepoint.wait_for_state("number", "max_current", "13")
    assert not call.done()
    say(chargepoint, "dev_sys", kind, val_t="null", val=None, corid=command["uid"])
    async with asyncio.timeout(PATIENCE):
        await call


# Nothing is missing ----------------------------------------------------------------------


def covered() -> set[Interface]:
    """Return every interface that has a row."""
    return {
        *((order.service, order.interface) for order in ORDERS),
        *QUESTIONS,
        *((service, report.interface) for service, rows in REPORTS.items() for report in rows),
        *((name, "evt.error.report") for name in ("chargepoint", *REFUSING, *ASKED_ONLY)),
        ("dev_sys", "evt.success.report"),
        *UNUSED,
    }


def listed() -> set[Interface]:
    """Return every interface that a simulated charge point lists, takes or has."""
    tables = (
        *(("chargepoint", rows) for rows in FEATURES.values()),
        *SERVICES.items(),
        ("chargepoint", DEFA_CHARGEPOINT),
        ("chargepoint", EASEE_2021_CHARGEPOINT),
        ("meter_elec", BARE_METER),
    )
    return {
        *((service, kind) for service, rows in tables for _, kind, _ in rows),
        *((service, kind) for service, commands in COMMANDS.items() for kind in commands),
        *(
            (service, row["msg_t"])
            for profile in PROFILES.values()
            for service in profile.services
            for row in profile.interfaces(service)
        ),
        *(("chargepoint", kind) for kind in DOCUMENTED),
    }


def test_no_interface_is_missing() -> None:
    """An interface that is added to a simulator needs a row here, and the other way round."""
    assert covered() == listed()


def test_every_value_of_a_meter_has_a_row() -> None:
    """One interface carries many values; so do the parameters of `test_parameters`."""
    values = {each for profile in PROFILES.values() for each in profile.values}
    rows = {
        key
        for report in REPORTS["meter_elec"]
        if report.interface == "evt.meter_ext.report"
        for key in report.value
    }
    assert rows >= values
    units = {
        (interface, unit)
        for profile in PROFILES.values()
        for interface, units in (
            ("evt.meter.report", profile.units),
            ("evt.meter_export.report", profile.export_units),
        )
        for unit in units
    }
    rows = {
        (report.interface, report.props["unit"])
        for report in REPORTS["meter_elec"]
        if report.props is not None
    }
    assert rows >= units


def test_every_state_has_a_row() -> None:
    """No charge point has a word for its state that is not looked at."""
    words = {
        word for profile in PROFILES.values() for word in (*profile.states, *profile.names.values())
    }
    rows = {
        report.value.lower()
        for report in REPORTS["chargepoint"]
        if report.interface == "evt.state.report"
    }
    assert {each.lower() for each in words} <= rows


async def test_entities_of_everything(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """A value that can be set has one entity, and no second one that only shows it."""
    for platform, key in (
        ("sensor", "max_current"),
        ("sensor", "phase_mode"),
        ("binary_sensor", "cable_lock"),
    ):
        assert find(hass, platform, key) is None
