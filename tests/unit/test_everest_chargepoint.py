"""An EVerest charge point: what it shows, what it asks, when it is there, what it obeys."""

import asyncio
from collections.abc import Callable
import json
import logging
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRefusedError,
    CommandTimeoutError,
    NotConnectedError,
    ProtocolError,
)
from custom_components.fimp_chargepoint.chargepoint.everest.api.chargepoint import (
    EverestChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Feature,
    Reason,
    Status,
)

from .fakes import FakeOutlet, lines, waits

PREFIX = "site1/"
TOPIC = "everest_api/1/evse_manager_consumer/evse_1"
POWERMETER = {
    "current_A": {"L1": 16.110000610351563, "L2": 16.1, "L3": -0.001, "N": 0.2},
    "energy_Wh_import": {"L1": 1.0, "total": 4611.9501953125},
    "power_W": {"L1": 3602.5, "total": 10807.6396484375},
    "timestamp": "2026-11-20T09:00:00Z",
    "voltage_V": {"L1": 228.47914123535156, "L2": 229.1, "L3": 230},
}


class Station:
    """A charge point without a hub: a test moves its time and sends its messages."""

    def __init__(self) -> None:
        """Start with a charge point that has reported nothing."""
        self.host = FakeOutlet()
        self.chargepoint = EverestChargepoint(self.host, PREFIX, "evse_1")
        self.chargepoint.timers.start()
        self.published: list[ChargepointSnapshot] = []
        self.chargepoint.add_listener(self.published.append)

    @property
    def now(self) -> float:
        """The time set last."""
        return self.host.clock.time

    @property
    def shown(self) -> ChargepointSnapshot:
        """The current snapshot."""
        return self.chargepoint.snapshot

    def publish(self, variable: str, value: Any) -> None:
        """Publish a variable."""
        self.chargepoint.handle_message(variable, value, self.now)

    def info(self, word: str, **fields: Any) -> None:
        """Publish session_info."""
        session = {"session_start_time": "2026-11-20T09:00:00Z", "charged_energy_wh": 0}
        self.publish("session_info", {"state": word} | session | fields)

    def event(self, name: str, **fields: Any) -> None:
        """Publish session_event."""
        self.publish("session_event", {"event": name, "uuid": "one"} | fields)

    def wait(self, seconds: float) -> None:
        """Let time pass, with everything that falls due on the way."""
        self.host.advance(self.now + seconds)

    def requests(self, operation: str = "") -> list[str]:
        """Return the reply topics of the requests for `operation`, and forget all requests."""
        sent, self.host.sent = self.host.sent, []
        start = f"{PREFIX}{TOPIC}/m2e/"
        assert all(topic.startswith(start) for topic, _ in sent)
        return [
            json.loads(payload)["headers"]["replyTo"]
            for topic, payload in sent
            if operation in {"", topic.removeprefix(start)}
        ]

    def operations(self) -> list[str]:
        """Return the operations that were requested, and forget them."""
        sent, self.host.sent = self.host.sent, []
        return [topic.split("/m2e/")[1] for topic, _ in sent]

    def reply(self, reply_to: str, *, value: Any) -> None:
        """Answer a request."""
        handler = self.chargepoint.module.reply_handler(reply_to.rsplit("/", 1)[1])
        assert handler is not None
        handler(json.dumps(value).encode(), self.now)


@pytest.fixture(name="station")
def station_fixture() -> Station:
    return Station()


@pytest.fixture(name="ready")
def ready_fixture(station: Station) -> Station:
    """A station that answers every /get and waits for a car."""
    station.info("Unplugged")
    for reply_to in station.requests("session_info/get"):
        station.reply(reply_to, value={"state": "Unplugged"})
    station.published.clear()
    return station


# The snapshot ---------------------------------------------------------------------


def test_starts_with_nothing_known(station: Station) -> None:
    shown = station.shown
    assert shown.unavailable is Reason.NOT_HEARD
    assert shown.identity.name == "EVerest evse_1"
    assert shown.identity.manufacturer is None
    assert (shown.status, shown.plugged, shown.session.started) == (None, None, None)
    assert shown.capabilities.reports == {
        Feature.STATUS,
        Feature.SESSION_ENERGY,
        Feature.END_REASON,
    }
    assert shown.capabilities.controls == {
        Feature.CHARGING,
        Feature.ENABLED,
        Feature.STOP_TRANSACTION,
        Feature.UNLOCK_CONNECTOR,
    }
    assert not shown.capabilities.options


def test_everything_in_one_message_comes_out_together(station: Station) -> None:
    station.info("Charging", charged_energy_wh=500, latest_total_w=7000)
    assert len(station.published) == 1
    shown = station.published[0]
    assert shown.available
    assert (shown.status, shown.raw_status, shown.plugged) == (
        Status.CHARGING,
        "Charging",
        True,
    )
    assert shown.meter.session_energy == 0.5
    assert shown.meter.power == 7000
    assert Feature.POWER in shown.capabilities.reports
    # Once more the same is not shown again.
    station.info("Charging", charged_energy_wh=500, latest_total_w=7000)
    assert len(station.published) == 1


def test_the_powermeter_is_rounded_to_what_it_can_mean(station: Station) -> None:
    station.publish("powermeter", POWERMETER)
    meter = station.shown.meter
    assert meter.power == 10808
    assert meter.energy == 4.612
    assert lines(meter, "current") == (16.11, 16.1, 0.0)
    assert str(lines(meter, "current")[2]) == "0.0"
    assert lines(meter, "voltage") == (228.5, 229.1, 230)
    assert station.shown.capabilities.reports >= {Feature.POWER, Feature.ENERGY}


def test_a_powermeter_tells_what_it_has(station: Station) -> None:
    station.publish("powermeter", {"current_A": {}, "energy_Wh_import": {"total": 0.0}})
    meter = station.shown.meter
    assert (meter.power, meter.energy) == (None, 0.0)
    assert lines(meter, "current") == lines(meter, "voltage") == (None, None, None)
    assert Feature.POWER not in station.shown.capabilities.reports
    assert Feature.ENERGY in station.shown.capabilities.reports
    # NaN becomes null, and a type may be wrong.
    station.publish("powermeter", POWERMETER)
    station.publish(
        "powermeter", POWERMETER | {"power_W": {"total": None}, "current_A": {"L1": True}}
    )
    assert station.shown.meter.power is None
    assert lines(station.shown.meter, "current") == (None, None, None)
    assert station.shown.meter.energy == 4.612
    station.publish("powermeter", {})
    assert station.shown.meter.energy == 4.612


def test_lifetime_energy_does_not_step_back(station: Station) -> None:
    station.publish("powermeter", POWERMETER)
    station.publish("powermeter", {"energy_Wh_import": {"total": 4610}})
    assert station.shown.meter.energy == 4.612
    station.publish("powermeter", {"energy_Wh_import": {"total": 0}})
    assert station.shown.meter.energy == 0


def test_session_info_tells_the_power_only_where_no_powermeter_does(station: Station) -> None:
    station.info("Charging", latest_total_w=7000)
    assert station.shown.meter.power == 7000
    # A meter without power does not take its place.
    station.publish("powermeter", {"energy_Wh_import": {"total": 1000}})
    assert station.shown.meter.power == 7000
    station.publish("powermeter", {"power_W": {"total": 6900}})
    station.info("Charging", latest_total_w=7000)
    assert station.shown.meter.power == 6900
    station.publish("powermeter", {"power_W": {"total": None}})
    station.info("Charging", latest_total_w=7000)
    assert station.shown.meter.power is None


def test_a_zero_that_nothing_measured_is_not_shown(station: Station) -> None:
    station.info("Unplugged", latest_total_w=0)
    assert station.shown.meter.power is None
    assert Feature.POWER not in station.shown.capabilities.reports
    station.info("Charging", latest_total_w=7000)
    station.info("ChargingPausedEV", latest_total_w=0)
    assert station.shown.meter.power == 0


def test_session_energy_follows_the_meter_where_there_is_no_session_info(
    station: Station,
) -> None:
    reading = {"meter_value": {"energy_Wh_import": {"total": 1000}}}
    station.event("SessionStarted", session_started={"reason": "EVConnected"} | reading)
    station.publish("powermeter", {"energy_Wh_import": {"total": 1250.4}})
    assert station.shown.meter.session_energy == 0.25
    assert station.shown.session.id == "one"


def test_finished_ev_becomes_finished_by_itself(station: Station) -> None:
    station.event("ChargingStarted")
    station.event("StoppingCharging")
    assert (station.shown.status, station.shown.raw_status) == (Status.CHARGING, "FinishedEV")
    station.wait(14.9)
    assert station.shown.status is Status.CHARGING
    station.wait(0.2)
    assert station.shown.status is Status.FINISHED


def test_finished_ev_in_a_pause_does_not(station: Station) -> None:
    station.event("ChargingStarted")
    station.event("StoppingCharging")
    station.wait(1.1)
    station.event("ChargingPausedEVSE", charging_paused_evse={"reasons": ["NoEnergy"]})
    assert "finished" not in station.chargepoint.timers
    station.wait(20)
    assert station.shown.status is Status.SUSPENDED_BY_EVSE


def test_an_unknown_word_is_shown_and_logged_once(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        station.info("Dreaming", charged_energy_wh=700)
        station.info("Charging", charged_energy_wh=700)
    station.info("Dreaming", charged_energy_wh=700)
    assert (station.shown.status, station.shown.raw_status) == (None, "Dreaming")
    assert station.shown.meter.session_energy == 0.7
    assert [each.message for each in caplog.records if "Dreaming" in each.message] == [
        "everest:site1/evse_1 reports the unknown state 'Dreaming'"
    ]


def test_identity(station: Station) -> None:
    station.publish("hw_capabilities", {"connector_type": "IEC62196Type2Socket"})
    station.publish("evse_id", "DE*PNX*E12345*1")
    assert station.shown.identity.model == "EVSE (Type 2 socket)"
    assert station.shown.identity.evse_id == "DE*PNX*E12345*1"
    station.publish("hw_capabilities", {"connector_type": "Megawatt"})
    assert station.shown.identity.model == "EVSE (Megawatt)"
    station.publish("hw_capabilities", {})
    station.publish("evse_id", 5)
    assert station.shown.identity.model == "EVSE (Megawatt)"
    assert station.shown.identity.evse_id == "DE*PNX*E12345*1"


def test_what_is_not_known_is_a_sign_of_life(station: Station) -> None:
    station.publish("enforced_limits", {"uuid": "connector_1"})
    assert station.shown.available
    station.publish("something_new", None)
    assert station.shown.status is None


@pytest.mark.parametrize(
    "variable", ["session_info", "session_event", "powermeter", "hw_capabilities"]
)
@pytest.mark.parametrize("value", [None, True, 5, "text", []])
def test_a_wrong_shape_costs_only_itself(station: Station, variable: str, value: Any) -> None:
    station.info("Charging")
    before = station.shown
    with pytest.raises(ProtocolError):
        station.publish(variable, value)
    assert station.shown == before


# Its requests -----------------------------------------------------------------------

EVERYTHING = [
    "session_info/get",
    "session_event/get",
    "powermeter/get",
    "hw_capabilities/get",
    "evse_id/get",
    "ev_info/get",
    "selected_protocol/get",
    "supported_energy_transfer_modes/get",
    "ac_nr_of_phases_available/get",
    "ac_pp_ampacity/get",
    "powermeter_public_key_ocmf/get",
    "dc_mode/get",
    "dc_capabilities/get",
    "random_delay_countdown/get",
    "get_evse",
]


def test_asks_for_everything_at_first_sight(station: Station) -> None:
    station.publish("heartbeat", 42)
    topics = [topic for topic, _ in station.host.sent]
    assert topics == [f"{PREFIX}{TOPIC}/m2e/{each}" for each in EVERYTHING]
    reply_to = station.requests()
    # EVerest adds the prefix itself.
    assert all(
        each.startswith(f"{TOPIC}/e2m/{operation}/")
        for each, operation in zip(reply_to, EVERYTHING, strict=True)
    )
    assert len(set(reply_to)) == len(reply_to)
    station.publish("heartbeat", 43)
    assert station.operations() == []


def test_takes_the_answers(station: Station) -> None:
    station.publish("heartbeat", 42)
    info, _, meter, hardware, evse_id, *_, evse = station.requests()
    station.reply(info, value={"state": "Charging", "session_start_time": "2026-11-20T09:00:00Z"})
    station.reply(meter, value=POWERMETER)
    station.reply(hardware, value={"connector_type": "IEC62196Type2Cable"})
    station.reply(evse_id, value="DE*PNX*E12345*1")
    station.reply(evse, value={"connectors": [{"id": 1}], "id": 1})
    shown = station.shown
    assert shown.status is Status.CHARGING
    assert shown.meter.power == 10808
    assert shown.identity.model == "EVSE (Type 2 cable)"
    assert shown.identity.evse_id == "DE*PNX*E12345*1"


@pytest.mark.parametrize("value", [True, None])
def test_true_is_no_data(station: Station, value: Any) -> None:
    station.publish("heartbeat", 42)
    before = station.shown
    for reply_to in station.requests():
        # That it replies about the random delay has a meaning: see its own tests.
        if "random_delay" not in reply_to:
            station.reply(reply_to, value=value)
    assert station.shown == before


def test_a_reply_is_taken_once_and_only_by_whom_it_is_for(station: Station) -> None:
    station.publish("heartbeat", 42)
    info = station.requests()[0]
    request_id = info.rsplit("/", 1)[1]
    handler = station.chargepoint.module.reply_handler(request_id)
    assert handler is not None
    handler(b'{"state":"Charging"}', station.now)
    handler(b'{"state":"Finished"}', station.now)
    assert station.shown.status is Status.CHARGING
    assert station.chargepoint.module.reply_handler(request_id) is None
    assert station.chargepoint.module.reply_handler("anybody") is None


def test_a_garbled_reply_is_still_awaited(station: Station) -> None:
    station.publish("heartbeat", 42)
    info = station.requests()[0]
    handler = station.chargepoint.module.reply_handler(info.rsplit("/", 1)[1])
    assert handler is not None
    with pytest.raises(ProtocolError):
        handler(b"\xff", station.now)
    station.reply(info, value={"state": "Charging"})
    assert station.shown.status is Status.CHARGING


def test_unanswered_requests_are_forgotten(station: Station) -> None:
    station.publish("heartbeat", 42)
    old = station.requests()[0].rsplit("/", 1)[1]
    station.wait(61)
    assert station.chargepoint.module.reply_handler(old) is not None
    station.chargepoint._ask(Feature.STATUS)
    station.chargepoint._start_request(None)
    assert station.chargepoint.module.reply_handler(old) is None
    for _ in range(1000):
        station.chargepoint._stop_request()
    assert len(station.chargepoint.module._open) <= 64


async def test_a_station_that_answers_no_get_is_not_asked_again(station: Station) -> None:
    station.publish("heartbeat", {})
    station.wait(2.9)
    station.host.sent.clear()
    station.chargepoint._ask(Feature.STATUS)
    assert station.operations() == ["session_info/get"]
    # The first questions may have come too early: they are asked once more.
    station.wait(0.2)
    assert station.operations() == [each for each in EVERYTHING if each != "get_evse"]
    station.wait(3)
    station.chargepoint._ask(Feature.STATUS)
    assert station.operations() == []
    # Until it is back after a silence, or it or the connection is a new one.
    station.wait(30)
    station.host.sent.clear()
    station.publish("heartbeat", 7)
    assert station.operations() == EVERYTHING
    station.wait(5)
    station.host.sent.clear()
    station.publish("heartbeat", 3)
    assert station.operations() == EVERYTHING
    station.chargepoint._ask(Feature.STATUS)
    assert station.operations() == ["session_info/get"]
    station.wait(5)
    station.host.sent.clear()
    station.chargepoint.connection_lost(station.now)
    station.chargepoint.connection_made(station.now)
    assert station.operations() == EVERYTHING
    station.chargepoint._ask(Feature.STATUS)
    assert station.operations() == ["session_info/get"]


@pytest.mark.parametrize("beats", [({}, {}, {}), (5, 6, 7)])
def test_an_outage_is_no_interval_between_heartbeats(station: Station, beats: Any) -> None:
    station.publish("heartbeat", beats[0])
    station.wait(4 * 3600)
    assert station.shown.unavailable is Reason.SILENT
    station.publish("heartbeat", beats[1])
    station.wait(1)
    station.publish("heartbeat", beats[2])
    assert station.shown.available
    station.wait(31)
    assert station.shown.unavailable is Reason.SILENT


def test_no_interval_is_believed_that_long(station: Station) -> None:
    station.chargepoint.found(86_400.0, station.now)
    station.wait(361)
    assert station.shown.unavailable is Reason.SILENT


async def test_a_stop_while_it_prepares_to_charge_is_sent(station: Station) -> None:
    station.publish("session_info", {"state": "Preparing"})
    assert station.shown.charging is False
    stop = asyncio.ensure_future(station.chargepoint.stop_charging())
    await asyncio.sleep(0)
    assert station.operations()[-1] == "pause_charging"
    # It repeats that it is about to charge, which does not confirm a stop.
    station.publish("session_info", {"state": "Preparing"})
    await asyncio.sleep(0)
    station.wait(1)
    station.publish("session_info", {"state": "Preparing"})
    await asyncio.sleep(0)
    assert await waits(stop)
    station.publish("session_info", {"state": "ChargingPausedEVSE"})
    await stop


def test_a_station_that_answers_is_asked_again(ready: Station) -> None:
    ready.wait(10)
    ready.host.sent.clear()
    ready.chargepoint._ask(Feature.STATUS)
    assert ready.operations() == ["session_info/get"]
    ready.chargepoint._ask(Feature.CABLE_LOCK)
    assert ready.operations() == []


def test_a_station_that_was_not_there_is_asked_when_it_comes(station: Station) -> None:
    # Its modules subscribe when they are ready; what was sent before that is lost.
    station.chargepoint.connection_made(station.now)
    assert station.operations() == EVERYTHING
    station.wait(10)
    assert station.shown.unavailable is Reason.NOT_HEARD
    station.publish("heartbeat", 0)
    assert station.operations() == EVERYTHING
    station.wait(10)
    station.publish("heartbeat", 10)
    assert station.operations() == [each for each in EVERYTHING if each != "get_evse"]
    station.wait(10)
    assert station.operations() == []


def test_one_that_answers_late_is_asked_once(station: Station) -> None:
    station.chargepoint.connection_made(station.now)
    info = station.requests()[0]
    station.wait(10)
    station.reply(info, value={"state": "Charging"})
    assert station.shown.available
    assert station.operations() == []


def test_one_that_is_there_is_asked_once(station: Station) -> None:
    station.chargepoint.connection_made(station.now)
    station.wait(1)
    station.publish("heartbeat", 7)
    assert station.operations() == EVERYTHING


# When it is there ---------------------------------------------------------------------


def test_silence_is_asked_about_and_then_shown(
    ready: Station, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ready.info("Charging", latest_total_w=7000)
    ready.host.sent.clear()
    ready.wait(19.9)
    assert ready.operations() == []
    ready.wait(0.2)
    assert ready.operations() == ["get_evse"]
    ready.wait(9.8)
    assert ready.shown.available
    ready.wait(0.2)
    assert ready.shown.unavailable is Reason.SILENT
    assert (ready.shown.status, ready.shown.plugged) == (None, None)
    assert ready.shown.meter.power is None
    ready.host.sent.clear()
    ready.wait(200)
    assert ready.operations() == ["get_evse"] * 10
    assert sum("not available" in each.message for each in caplog.records) == 1


def test_any_message_ends_the_silence(ready: Station, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ready.info("Charging")
    ready.wait(31)
    ready.published.clear()
    ready.host.sent.clear()
    # Earlier reports are no longer taken for granted.
    ready.publish("powermeter", POWERMETER)
    assert ready.shown.available
    assert ready.shown.status is None
    assert ready.shown.meter.power == 10808
    assert len(ready.published) == 1
    assert ready.operations() == EVERYTHING
    assert "is available again" in caplog.text
    # The same word as before counts again.
    ready.info("Charging")
    assert (ready.shown.status, ready.shown.raw_status) == (Status.CHARGING, "Charging")


@pytest.mark.parametrize(
    ("started", "status"),
    [("09:00", Status.SUSPENDED_BY_EVSE), ("10:00", Status.READY_TO_CHARGE)],
)
def test_why_it_paused_is_known_after_a_silence_in_the_same_session(
    ready: Station, started: str, status: Status
) -> None:
    ready.event("ChargingPausedEVSE", charging_paused_evse={"reasons": ["NoEnergy"]})
    ready.info("ChargingPausedEVSE")
    assert ready.shown.status is Status.SUSPENDED_BY_EVSE
    ready.wait(31)
    assert ready.shown.status is None
    ready.info("ChargingPausedEVSE", session_start_time=f"2026-11-20T{started}:00Z")
    assert ready.shown.status is status


def test_an_answer_ends_the_silence(ready: Station) -> None:
    ready.host.sent.clear()
    ready.wait(21)
    ready.reply(ready.requests("get_evse")[0], value={"id": 1, "connectors": []})
    ready.wait(19)
    assert ready.shown.available
    ready.wait(12)
    assert ready.shown.unavailable is Reason.SILENT


@pytest.mark.parametrize("count", [lambda beat: beat, lambda _: {}])
def test_the_pace_of_the_heartbeats_is_learned(ready: Station, count: Callable[[int], Any]) -> None:
    ready.publish("heartbeat", count(0))
    ready.wait(25)
    ready.publish("heartbeat", count(1))
    ready.wait(74)
    assert ready.shown.available
    ready.wait(2)
    assert ready.shown.unavailable is Reason.SILENT


def test_missed_heartbeats_do_not_change_the_pace(ready: Station) -> None:
    ready.publish("heartbeat", 1)
    ready.wait(20)
    ready.publish("heartbeat", 21)
    # One that is delivered twice neither.
    ready.publish("heartbeat", 21)
    ready.wait(31)
    assert ready.shown.unavailable is Reason.SILENT


def test_the_pace_may_be_announced(ready: Station) -> None:
    ready.chargepoint.found(40.0, ready.now)
    ready.wait(119)
    assert ready.shown.available
    ready.wait(2)
    assert ready.shown.unavailable is Reason.SILENT
    ready.chargepoint.found(None, ready.now)
    assert ready.shown.available


def test_a_restart_forgets_and_asks(ready: Station) -> None:
    ready.publish("heartbeat", 1000)
    ready.publish("powermeter", POWERMETER)
    ready.info("Charging", charged_energy_wh=500)
    ready.wait(5)
    ready.host.sent.clear()
    ready.published.clear()
    ready.publish("heartbeat", 0)
    shown = ready.shown
    assert len(ready.published) == 1
    assert shown.available
    assert (shown.status, shown.raw_status, shown.plugged) == (None, None, None)
    assert shown.meter.power is None
    assert lines(shown.meter, "voltage") == (None, None, None)
    # Counters and the session stay true.
    assert shown.meter.energy == 4.612
    assert shown.meter.session_energy == 0.5
    assert ready.operations() == EVERYTHING
    # There was a car: if it still is, its session begins within seconds.
    ready.event("Enabled", uuid="")
    ready.wait(4.9)
    assert (ready.shown.status, ready.shown.plugged) == (None, None)
    ready.wait(0.1)
    assert (ready.shown.status, ready.shown.plugged) == (Status.DISCONNECTED, False)


def test_a_restart_does_not_forget_what_came_just_before_its_first_heartbeat(
    ready: Station,
) -> None:
    ready.publish("heartbeat", 1000)
    ready.wait(5)
    ready.event("Enabled", uuid="")
    ready.wait(0.1)
    ready.publish("heartbeat", 0)
    assert ready.shown.status is Status.DISCONNECTED


def test_a_heartbeat_without_a_count_is_no_restart(ready: Station) -> None:
    ready.publish("heartbeat", 1000)
    ready.info("Charging")
    ready.wait(5)
    for value in (True, {}, None, "0"):
        ready.publish("heartbeat", 1000)
        ready.publish("heartbeat", value)
    assert ready.shown.status is Status.CHARGING
    # Nor is a smaller one on a new connection: that is asked about anyway.
    ready.publish("heartbeat", 2000)
    ready.chargepoint.connection_lost(ready.now)
    ready.chargepoint.connection_made(ready.now)
    ready.host.sent.clear()
    ready.publish("heartbeat", 3)
    assert ready.operations() == []


@pytest.mark.parametrize("sign", [("ready", True), ("evse_id", "DE*PNX*E12345*1")])
@pytest.mark.parametrize("known", [True, False])
def test_a_start_is_seen_without_a_count(
    ready: Station, sign: tuple[str, Any], *, known: bool
) -> None:
    """2025.10 does not count its heartbeats; but some values are only published at a start."""
    if known:
        ready.publish("evse_id", "DE*PNX*E12345*1")
    ready.publish("heartbeat", {})
    ready.info("Charging")
    ready.wait(6)
    ready.publish("heartbeat", {})
    ready.host.sent.clear()
    ready.publish(*sign)
    assert ready.shown.status is None
    assert ready.operations() == EVERYTHING
    # The other messages of the same start show nothing new.
    ready.event("Enabled", uuid="")
    ready.publish("evse_id", "DE*PNX*E12345*1")
    ready.publish("ready", True)
    ready.publish("heartbeat", 0)
    assert ready.operations() == []
    ready.wait(5)
    assert ready.shown.status is Status.DISCONNECTED


@pytest.mark.parametrize(
    "word",
    [("ready", False), ("ready", "yes"), ("evse_id", "DE*PNX*E12345*2"), ("evse_id", "")],
)
def test_what_is_no_start(ready: Station, word: tuple[str, Any]) -> None:
    ready.publish("evse_id", "DE*PNX*E12345*1")
    ready.info("Charging")
    ready.wait(6)
    ready.info("Charging")
    ready.host.sent.clear()
    ready.publish(*word)
    assert ready.shown.status is Status.CHARGING
    assert ready.operations() == []


def test_an_answer_is_no_start(ready: Station) -> None:
    ready.publish("evse_id", "DE*PNX*E12345*1")
    ready.info("Charging")
    ready.wait(6)
    ready.publish("heartbeat", 6)
    ready.host.sent.clear()
    ready.chargepoint.module.ask("evse_id/get")
    (reply_to,) = ready.requests("evse_id/get")
    ready.reply(reply_to, value="DE*PNX*E12345*1")
    assert ready.shown.status is Status.CHARGING


def test_the_first_words_of_a_station_are_no_restart(station: Station) -> None:
    station.publish("evse_id", "DE*PNX*E12345*1")
    station.event("Enabled", uuid="")
    station.host.sent.clear()
    station.publish("ready", True)
    assert station.shown.status is Status.DISCONNECTED
    assert station.operations() == []


def test_a_lost_link_forgets_and_does_nothing(ready: Station) -> None:
    ready.info("Charging", charged_energy_wh=500)
    ready.event("StoppingCharging")
    ready.chargepoint.connection_lost(ready.now)
    assert ready.shown.unavailable is Reason.NOT_CONNECTED
    assert ready.shown.status is None
    assert ready.chargepoint.next_deadline is None
    ready.host.sent.clear()
    ready.wait(1000)
    assert ready.operations() == []
    assert ready.shown.unavailable is Reason.NOT_CONNECTED
    ready.chargepoint.connection_made(ready.now)
    assert ready.shown.unavailable is Reason.NOT_HEARD
    assert ready.operations() == EVERYTHING
    ready.wait(31)
    assert ready.shown.unavailable is Reason.SILENT


def test_a_reply_of_the_time_before_the_link_was_lost_is_not_taken(station: Station) -> None:
    station.publish("heartbeat", 42)
    old = station.requests()[0].rsplit("/", 1)[1]
    station.chargepoint.connection_lost(station.now)
    assert station.chargepoint.module.reply_handler(old) is None


def test_a_doubt_outlives_a_lost_link(ready: Station) -> None:
    ready.event("SessionStarted", session_started={"reason": "EVConnected"})
    ready.event("Disabled", uuid="")
    ready.event("Enabled", uuid="")
    assert (ready.shown.status, ready.shown.raw_status) == (None, "Unplugged")
    ready.chargepoint.connection_lost(ready.now)
    ready.chargepoint.connection_made(ready.now)
    ready.publish("session_info", {"state": "Unplugged"})
    assert (ready.shown.status, ready.shown.raw_status) == (None, "Unplugged")
    assert ready.shown.plugged is None


# Commands -----------------------------------------------------------------------------


async def begin(command: Any) -> asyncio.Task[None]:
    """Give a command and let it send its request."""
    task = asyncio.create_task(command)
    await asyncio.sleep(0)
    return task


async def outcome(task: asyncio.Task[None]) -> None:
    """Return or raise what the command did; it must be decided by now."""
    async with asyncio.timeout(1):
        await task


async def test_pause_is_proven_by_the_status_that_follows(ready: Station) -> None:
    ready.info("Charging")
    ready.host.sent.clear()
    stop = await begin(ready.chargepoint.stop_charging())
    assert ready.shown.pending.get("charging") is False
    [(topic, payload)] = ready.host.sent
    assert topic == f"{PREFIX}{TOPIC}/m2e/pause_charging"
    message = json.loads(payload)
    assert list(message) == ["headers"]
    reply_to = message["headers"]["replyTo"]
    assert reply_to.startswith(f"{TOPIC}/e2m/pause_charging/")
    ready.reply(reply_to, value=True)
    ready.event("StoppingCharging")
    await asyncio.sleep(0)
    assert await waits(stop)
    ready.event("ChargingPausedEVSE", charging_paused_evse={"reasons": ["UserPause"]})
    await outcome(stop)
    assert ready.shown.pending.get("charging") is None
    assert ready.shown.status is Status.READY_TO_CHARGE


async def test_resume_is_proven_by_session_info(ready: Station) -> None:
    ready.info("ChargingPausedEVSE")
    start = await begin(ready.chargepoint.start_charging())
    ready.reply(ready.requests("resume_charging")[0], value=True)
    ready.info("ChargingPausedEVSE")
    ready.info("Preparing")
    await asyncio.sleep(0)
    assert await waits(start)
    ready.info("Charging")
    await outcome(start)


@pytest.mark.parametrize(
    ("word", "command", "operation", "reported"),
    [
        ("Charging", "stop_charging", "pause_charging", "pause_refused"),
        ("ChargingPausedEVSE", "start_charging", "resume_charging", "resume_refused"),
        ("AuthRequired", "start_charging", "resume_charging", "not_authorized"),
    ],
)
async def test_false_is_a_refusal(
    ready: Station, word: str, command: str, operation: str, reported: str
) -> None:
    ready.info(word)
    task = await begin(getattr(ready.chargepoint, command)())
    ready.reply(ready.requests(operation)[0], value=False)
    with pytest.raises(CommandRefusedError, match=reported):
        await outcome(task)
    assert ready.shown.pending.get("charging") is None


@pytest.mark.parametrize("value", [True, None, 0, "false", {}, []])
async def test_any_other_reply_is_neither_proof_nor_refusal(ready: Station, value: Any) -> None:
    ready.info("Charging")
    task = await begin(ready.chargepoint.stop_charging())
    ready.reply(ready.requests("pause_charging")[0], value=value)
    ready.wait(9.9)
    await asyncio.sleep(0)
    assert await waits(task)
    ready.wait(0.2)
    with pytest.raises(CommandTimeoutError):
        await outcome(task)


async def test_a_waiting_command_asks_for_the_status(ready: Station) -> None:
    ready.info("Charging")
    task = await begin(ready.chargepoint.stop_charging())
    ready.host.sent.clear()
    ready.wait(2.6)
    ready.reply(ready.requests("session_info/get")[0], value={"state": "ChargingPausedEVSE"})
    await outcome(task)


async def test_a_lasting_finished_ev_is_proof_of_a_stop(ready: Station) -> None:
    ready.info("Charging")
    ready.event("StoppingCharging")
    ready.wait(10)
    task = await begin(ready.chargepoint.stop_charging())
    ready.wait(5.1)
    await outcome(task)


async def test_commands_need_the_link(ready: Station) -> None:
    ready.info("Charging")
    ready.host.connected = False
    with pytest.raises(NotConnectedError):
        await ready.chargepoint.stop_charging()
