"""Recordings of real FIMP adapters: what is shown at the moments that matter."""

from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import CommandTimeoutError
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.fimp.discovery import FimpProtocol
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Feature,
    Reason,
    Status,
)
from simulators.recording import read_recording
from tests.helpers.recordings import recording

from .fakes import OfflineHub, Playback, waits
from .fimp_commands import begin
from .fimp_live import LiveFimp
from .fimp_messages import (
    ADAPTER,
    ADDRESS,
    CHARGER,
    METER,
    inclusion,
    kinds,
    report,
    state,
)
from .fimp_parameters import TOPIC
from .fimp_vinculum import answer, reply_topic

DEFA, EASEE, EASEE_2 = "fimp:defa/1/DEFA12345", "fimp:easee/1/1", "fimp:easee/1/2"
LIBRARY, LIBRARY_3, MINIMAL = "fimp:charger/1/1", "fimp:charger/1/3", "fimp:chargermin/1/1"
GHOST = "fimp:ghost/1/5"

#: Recording, seconds, charge point, and what is shown then.
MOMENTS: list[tuple[str, float, str, dict[str, Any]]] = [
    # The session is reported 15 s before the state.
    ("defa_real_adapter", 20, DEFA, {"status": None, "session_energy": 0.0, "power": 0}),
    ("defa_real_adapter", 65, DEFA, {"status": Status.READY_TO_CHARGE, "plugged": True}),
    ("defa_real_adapter", 70, DEFA, {"status": Status.CHARGING, "power": 0}),
    ("defa_real_adapter", 121, DEFA, {"status": Status.CHARGING, "cable_lock": True}),
    ("defa_real_adapter", 151, DEFA, {"status": Status.ERROR, "plugged": None}),
    ("defa_real_adapter", 166, DEFA, {"status": Status.CHARGING}),
    ("defa_real_adapter", 182, DEFA, {"status": Status.READY_TO_CHARGE}),
    ("defa_real_adapter", 196, DEFA, {"status": Status.FINISHED, "power": 0}),
    ("defa_real_adapter", 211, DEFA, {"status": Status.DISCONNECTED, "plugged": False}),
    # The immediate answer to a start is stale.
    ("easee_full_topup_full_again", 5.9, EASEE, {"status": Status.READY_TO_CHARGE}),
    ("easee_full_topup_full_again", 7, EASEE, {"status": Status.CHARGING, "power": 11040}),
    ("easee_full_topup_full_again", 56, EASEE, {"status": Status.FINISHED, "power": 0}),
    ("easee_full_topup_full_again", 65, EASEE, {"status": Status.CHARGING, "power": 11040}),
    ("easee_full_topup_full_again", 91, EASEE, {"session_energy": 4.1227, "power": 0}),
    ("easee_full_topup_full_again", 116, EASEE, {"status": Status.FINISHED, "plugged": True}),
    ("easee_full_topup_full_again", 125, EASEE, {"status": Status.DISCONNECTED}),
    # The library's charger takes every state.
    ("easee_full_topup_full_again", 60, LIBRARY, {"status": None, "power": 22080}),
    ("easee_full_topup_full_again", 63, LIBRARY, {"status": Status.SUSPENDED_BY_EVSE}),
    ("easee_full_topup_full_again", 67, LIBRARY, {"status": Status.RESERVED, "plugged": None}),
    ("easee_full_topup_full_again", 70, LIBRARY, {"status": Status.OUT_OF_SERVICE}),
    ("easee_full_topup_full_again", 74, LIBRARY, {"status": Status.SWITCHING_PHASES}),
    ("easee_full_topup_full_again", 77, LIBRARY, {"status": Status.ERROR, "plugged": None}),
    ("easee_full_topup_full_again", 80, LIBRARY, {"status": Status.REQUESTING}),
    ("easee_full_topup_full_again", 86, LIBRARY, {"status": Status.SUSPENDED_BY_EV}),
    # From the adapter's memory: charging with 11 kW, long after the car has left.
    (
        "easee_logged_out_stale_charging",
        8,
        EASEE,
        {"unavailable": Reason.SIGNED_OUT, "status": None, "power": None},
    ),
    ("easee_logged_out_stale_charging", 8, LIBRARY, {"status": Status.CHARGING, "power": 22080}),
    ("easee_logged_out_stale_charging", 68, MINIMAL, {"status": Status.DISCONNECTED}),
    ("easee_logged_out_stale_charging", 75, LIBRARY, {"status": Status.DISCONNECTED}),
    (
        "easee_offline_midsession_limit_taken_but_refused",
        40,
        EASEE,
        {"status": Status.CHARGING, "power": 11040, "offered_current": 16},
    ),
    (
        "easee_offline_midsession_limit_taken_but_refused",
        45,
        EASEE,
        {"unavailable": Reason.OFFLINE, "status": None, "power": None, "session_energy": 0.0521},
    ),
    (
        "easee_offline_midsession_limit_taken_but_refused",
        83,
        EASEE,
        {"unavailable": None, "status": Status.CHARGING, "max_current": 18, "power": 11040},
    ),
    (
        "easee_offline_midsession_limit_taken_but_refused",
        31,
        MINIMAL,
        {"status": Status.CHARGING, "cable_lock": None, "max_current": None},
    ),
    (
        "easee_requesting_start_timeout",
        40,
        EASEE_2,
        {"status": Status.REQUESTING, "plugged": True, "offered_current": 32},
    ),
    ("easee_requesting_start_timeout", 49, EASEE_2, {"status": Status.CHARGING, "power": 11040}),
    ("flicker_session_current_mode", 7.5, LIBRARY, {"status": Status.CHARGING, "charging": True}),
    ("ghost_no_inclusion_answer", 25.3, GHOST, {"status": Status.DISCONNECTED, "power": 0}),
    ("ghost_phases_keyerror", 27, GHOST, {"status": Status.CHARGING, "phases": None}),
    ("ghost_phases_keyerror", 28, GHOST, {"phases": "3"}),
    ("ghost_phases_keyerror", 34, GHOST, {"phases": "1"}),
    ("ghost_phases_keyerror", 53, GHOST, {"phases": "3"}),
    ("phase_modes_shrink_stopiteration", 12, LIBRARY, {"phases": "1", "max_current": 32}),
    ("phase_modes_shrink_stopiteration", 12, LIBRARY_3, {"phases": "1", "max_current": 32}),
    ("phase_modes_shrink_stopiteration", 24.5, EASEE, {"phases": "3", "max_current": 18}),
    ("phase_modes_shrink_stopiteration", 24.5, MINIMAL, {"status": Status.DISCONNECTED}),
    (
        "vinculum_without_phase_modes_stopiteration",
        2.9,
        EASEE,
        {"unavailable": Reason.SIGNED_OUT, "status": None, "power": None},
    ),
    (
        "vinculum_without_phase_modes_stopiteration",
        3.5,
        LIBRARY,
        {"status": Status.CHARGING, "phases": "3", "offered_current": 32},
    ),
]


@pytest.fixture(scope="module")
def played() -> dict[str, Playback]:
    return {}


@pytest.mark.parametrize(
    ("name", "t", "address", "shown"), MOMENTS, ids=[f"{row[0]} {row[1]:g}" for row in MOMENTS]
)
def test_a_moment(
    played: dict[str, Playback], name: str, t: float, address: str, shown: dict[str, Any]
) -> None:
    if name not in played:
        played[name] = Playback(recording(f"fimp/live/{name}"))
    snapshot = played[name].at(t, address)
    assert {field: _value(snapshot, field) for field in shown} == shown


def _value(snapshot: ChargepointSnapshot, field: str) -> object:
    source = snapshot if hasattr(snapshot, field) else snapshot.meter
    return getattr(source, field)


def test_every_live_recording_has_its_moments() -> None:
    folder = recording("fimp/live/defa_real_adapter").parent
    assert {path.stem for path in folder.glob("*.jsonl")} == {row[0] for row in MOMENTS}


# A start without permission ---------------------------------------------------------------


async def test_a_start_that_lacks_permission_waits_and_then_reports_it() -> None:
    live = LiveFimp("easee_requesting_start_timeout", EASEE_2)
    await live.until(6.8)
    task = await begin(live.node.start_charging())
    await live.until(42)
    assert await waits(task)
    assert live.shown.pending == {Feature.CHARGING: True}
    await live.until(47)
    with pytest.raises(CommandTimeoutError) as raised:
        await task
    assert raised.value.code == "not_authorized"
    # It has waited at the charger: a card is presented.
    await live.until(49)
    assert live.shown.charging is True


async def test_a_start_that_is_not_confirmed_for_another_reason() -> None:
    live = LiveFimp("defa_real_adapter", DEFA)
    await live.until(60.5)
    task = await begin(live.node.start_charging())
    live._lines.clear()
    await live.until(120)
    with pytest.raises(CommandTimeoutError) as raised:
        await task
    assert raised.value.code == "command_timeout"


# The end of charging ----------------------------------------------------------------------


def test_the_state_is_asked_for_when_nothing_is_delivered_any_longer() -> None:
    """Easee's power and offered current were 0 for seconds while the state was charging."""
    hub = OfflineHub()
    hub.connection_made()
    start, asked = hub.clock.time, []
    for line in read_recording(recording("fimp/captures/easee_adapter")):
        hub.advance(start + line.t)
        hub.sent.clear()
        hub.message(line.topic, line.payload, retained=False)
        node = hub.nodes.get(EASEE)
        if node is not None and line.t < 50 and node.snapshot.status is Status.CHARGING:
            asked += [line.t for _, payload in hub.sent if b"cmd.state.get_report" in payload]
    assert [round(t) for t in asked] == [44]


def test_the_state_is_asked_for_once() -> None:
    hub = OfflineHub()
    hub.feed(ADAPTER, inclusion(meter=True))
    hub.feed(CHARGER, state("charging"))
    hub.feed(METER, report("evt.meter.report", "float", 7000, unit="W"))
    hub.feed(CHARGER, report("evt.current_session.report", "float", 1, offered_current="16"))
    hub.sent.clear()
    for power in (0, 0):
        hub.feed(METER, report("evt.meter.report", "float", power, unit="W"))
    assert kinds(hub) == []
    for _ in range(2):
        hub.feed(CHARGER, report("evt.current_session.report", "float", 1, offered_current="0"))
    assert kinds(hub) == ["cmd.state.get_report"]


# Finding ----------------------------------------------------------------------------------


def test_a_meter_report_before_the_first_report_of_the_charge_point_is_kept() -> None:
    played = Playback(recording("fimp/live/ghost_no_inclusion_answer"))
    assert played.at(25.3, GHOST).meter.power == 0
    hub = OfflineHub()
    hub.connection_made()
    for value in (7000, 7100):
        hub.feed(METER, report("evt.meter.report", "float", value, unit="W"))
    hub.feed(METER, report("evt.meter.report", "float", 12.5, unit="kWh"))
    hub.feed(METER, b"damaged")
    hub.sent.clear()
    hub.feed(CHARGER, state("charging"))
    assert "cmd.meter.get_report" in kinds(hub)
    hub.advance(hub.clock.time + 3)
    snapshot = hub.nodes[ADDRESS].snapshot
    assert isinstance(snapshot, ChargepointSnapshot)
    assert (snapshot.meter.power, snapshot.meter.energy) == (7100, 12.5)


def test_an_old_meter_report_does_not_count() -> None:
    hub = OfflineHub()
    hub.feed(METER, report("evt.meter.report", "float", 7000, unit="W"))
    hub.advance(hub.clock.time + 301)
    hub.feed(ADAPTER, inclusion())
    assert hub.nodes[ADDRESS].snapshot.meter.power is None  # type: ignore[attr-defined]


def test_no_flood_of_meters_is_kept() -> None:
    hub = OfflineHub()
    for number in range(300):
        topic = METER.replace("sv:meter_elec/ad:1", f"sv:meter_elec/ad:{number}")
        for value in range(20):
            hub.feed(topic, report("evt.meter.report", "float", value, unit="W"))
    [meters] = [
        protocol._meters for _, protocol in hub._protocols if isinstance(protocol, FimpProtocol)
    ]
    assert len(meters) == 200
    assert max(map(len, meters.values())) == 8


def test_the_meter_of_an_unlisted_charge_point_is_asked() -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(CHARGER, state("charging"))
    assert {"cmd.meter.get_report", "cmd.meter_ext.get_report"} <= set(kinds(hub))


async def test_a_known_charge_point_that_nobody_lists_is_asked_until_it_answers() -> None:
    """Its adapter does not answer the question for an inclusion report, nor does vinculum."""
    hub = OfflineHub(known=[GHOST])
    hub.connection_made()
    hub.feed(reply_topic(hub), answer())
    state_of = "pt:j1/mt:cmd/rt:dev/rn:ghost/ad:1/sv:chargepoint/ad:5"

    def asked() -> int:
        return sum(
            topic == state_of and orjson.loads(payload)["type"] == "cmd.state.get_report"
            for topic, payload in hub.take_sent()
        )

    assert asked() == 1
    hub.advance(hub.clock.time + 75)
    assert asked() == 2
    hub.feed(state_of.replace("mt:cmd", "mt:evt"), state("charging"))
    hub.advance(hub.clock.time + 5)
    assert hub.nodes[GHOST].snapshot.status is Status.CHARGING  # type: ignore[attr-defined]


def test_settings_are_asked_for_once() -> None:
    """The adapter describes them automatically, and again on request."""
    hub = OfflineHub()
    hub.connection_made()
    start = hub.clock.time
    for line in read_recording(recording("fimp/live/easee_full_topup_full_again")):
        if line.t > 120:
            hub.advance(start + line.t)
            hub.message(line.topic, line.payload, retained=False)
    asked = [
        message["val"]
        for topic, payload in hub.sent
        if "rn:charger/ad:1/sv:parameters/ad:2" in topic
        for message in [orjson.loads(payload)]
        if message["type"] == "cmd.param.get_report"
    ]
    assert asked
    assert len(asked) == len(set(asked))


def test_what_was_asked_does_not_grow() -> None:
    hub = OfflineHub()
    hub.feed(ADAPTER, inclusion())
    for number in range(300):
        description = {"parameter_id": f"p{number}", "value_type": "int"}
        hub.feed(TOPIC, report("evt.sup_params.report", "object", [description]))
    node = hub.nodes[ADDRESS]
    assert isinstance(node, FimpChargepoint)
    assert len(node._asked) < 20


# Capabilities -----------------------------------------------------------------------------


def test_without_start_and_stop_there_is_no_switch_until_they_are_listed() -> None:
    hub = OfflineHub()
    hub.feed(ADAPTER, _listing("evt.state.report", "cmd.state.get_report"))
    hub.feed(CHARGER, state("charging"))
    node = hub.nodes[ADDRESS]
    assert Feature.CHARGING not in node.snapshot.capabilities.controls
    hub.feed(ADAPTER, _listing("evt.state.report", "cmd.charge.stop"))
    assert Feature.CHARGING in node.snapshot.capabilities.controls


def _listing(*interfaces: str) -> dict[str, Any]:
    message = inclusion()
    [service] = message["val"]["services"]
    service["interfaces"] = [{"msg_t": name} for name in interfaces]
    return message


def test_a_reported_mode_is_shown_without_a_list_of_modes() -> None:
    hub = OfflineHub()
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, report("evt.state.report", "string", "charging", charging_mode="Eco"))
    snapshot = hub.nodes[ADDRESS].snapshot
    assert isinstance(snapshot, ChargepointSnapshot)
    assert snapshot.charging_mode == "eco"
    assert Feature.CHARGING_MODE in snapshot.capabilities.reports
    assert Feature.CHARGING_MODE not in snapshot.capabilities.controls


def test_a_reported_mode_that_is_not_listed_becomes_an_option() -> None:
    hub = OfflineHub()
    hub.feed(ADAPTER, inclusion(props={"sup_charging_modes": ["Normal", "slow"]}))
    for number in range(30):
        mode = "eco" if number == 0 else "slow" if number == 1 else f"mode {number}"
        hub.feed(CHARGER, report("evt.state.report", "string", "charging", charging_mode=mode))
    options = hub.nodes[ADDRESS].snapshot.capabilities.options[Feature.CHARGING_MODE]
    assert options[:3] == ("normal", "slow", "eco")
    # The number of messages that others can send is limited.
    assert len(options) < 30


# Errors that answer nothing ---------------------------------------------------------------

ERROR = report("evt.error.report", "string", "TX_ERROR", msg="Fuse is blown")


async def test_an_error_without_correlation_is_an_event_and_ends_the_only_command() -> None:
    hub = OfflineHub()
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, state())
    node = hub.nodes[ADDRESS]
    errors: list[str] = []
    node.add_error_listener(errors.append)
    hub.feed(CHARGER, ERROR)
    assert errors == ["Fuse is blown"]
    task = await begin(node.start_charging())  # type: ignore[attr-defined]
    hub.feed(CHARGER, ERROR | {"corid": ""})
    with pytest.raises(Exception, match="Fuse is blown"):
        await task
    assert errors == ["Fuse is blown"] * 2
    # Correlated: it is another client's.
    hub.feed(CHARGER, ERROR | {"corid": "another-client"})
    # And this one answers a question.
    question = report("evt.error.report", "string", "no", cmd_type="cmd.state.get_report")
    hub.feed(CHARGER, question)
    assert len(errors) == 2


async def test_an_error_without_correlation_ends_none_of_two_commands() -> None:
    hub = OfflineHub()
    hub.feed(ADAPTER, inclusion(interfaces=["cmd.max_current.set"]))
    hub.feed(CHARGER, state())
    node: Any = hub.nodes[ADDRESS]
    tasks = [
        await begin(node.start_charging()),
        await begin(node.set(Feature.MAX_CURRENT, 10)),
    ]
    hub.feed(CHARGER, ERROR)
    assert [await waits(task) for task in tasks] == [True, True]
    node.close()
    for task in tasks:
        with pytest.raises(Exception, match="lost"):
            await task
