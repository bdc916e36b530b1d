"""The oddities of EVerest, in the order of the protocol's own lists: a test for each."""

import asyncio
from collections.abc import Coroutine
import logging
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import CommandTimeoutError
from custom_components.fimp_chargepoint.chargepoint.everest.api.chargepoint import (
    EverestChargepoint,
)
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Details,
    Feature,
    Reason,
    Status,
)
from custom_components.fimp_chargepoint.chargepoint.options import Options

from .everest_site import ERRORS, EVSE, LIMITS, ROOT, Site, begin, outcome
from .fakes import OfflineHub

CONNECTED = {"session_started": {"reason": "EVConnected"}}
PAUSE = {"charging_paused_evse": {"reasons": ["UserPause"]}}
TOKENS = "auth_token_provider"


@pytest.fixture(name="site")
def site_fixture() -> Site:
    """A station that charges a car, and has published everything."""
    site = Site()
    site.evse("heartbeat", 100)
    site.event("SessionStarted", uuid="one", **CONNECTED)
    site.event("ChargingStarted", uuid="one")
    site.take()
    return site


async def sends(command: Coroutine[Any, Any, None]) -> None:
    """Give a command, and do not wait for what becomes of it."""
    task = await begin(command)
    task.cancel()
    await asyncio.wait([task])


def metered(site: Site, **fields: Any) -> ChargepointSnapshot:
    """Let the meter publish a value; returns the snapshot then."""
    reading = {"timestamp": "2026-11-20T09:16:09Z", "energy_Wh_import": {"total": 9000.0}}
    site.evse("powermeter", reading | fields)
    return site.shown


# Facts that the integration has to know (the first list) --------------------------------


@pytest.mark.parametrize(
    ("topic", "payload", "address"),
    [
        (f"{ROOT}/{EVSE}/evse_1/e2m/heartbeat", 42, "everest:evse_1"),
        (f"{ROOT}/{EVSE}/evse_1/e2m/heartbeat", {}, "everest:evse_1"),
        (
            "everest_api/connector_1/var/session_info",
            {"state": "Unplugged"},
            "everest_legacy:connector_1",
        ),
    ],
)
def test_0_1_no_dialect_announces_itself(topic: str, payload: Any, address: str) -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(topic, payload)
    hub.advance(hub.clock.time + 5)
    assert set(hub.nodes) == {address}


async def test_0_2_a_late_subscriber_knows_nothing_until_it_is_told() -> None:
    site = Site()
    site.evse("heartbeat", 42)
    shown = site.shown
    assert shown.available
    assert (shown.status, shown.plugged, shown.charging) == (None, None, None)
    # Old releases answer none of it, and are not asked for ever.
    assert site.asked("session_info/get")
    for _ in range(60):
        site.wait(5)
        site.evse("heartbeat", 43)
    assert site.shown.status is None
    task = await begin(site.node().stop_charging())
    site.wait(11)
    with pytest.raises(CommandTimeoutError):
        await outcome(task)
    assert len(site.asked("session_info/get")) == 2
    site.event("ChargingStarted", uuid="one")
    assert site.shown.status is Status.CHARGING


def test_0_2_a_reply_may_be_older_than_an_event() -> None:
    """The station replies with what it published last, and an event comes before that."""
    site = Site()
    site.evse("heartbeat", 42)
    site.answer("evse_id/get", "DE*PNX*E12345*1")
    requests = site.asked("session_info/get")
    site.event("Disabled")
    site.hub.feed(requests[-1]["headers"]["replyTo"], {"state": "Unplugged"})
    assert site.shown.status is Status.OUT_OF_SERVICE
    assert site.shown.enabled is False
    assert len(site.asked("session_info/get")) == len(requests) + 1
    site.answer("session_info/get", {"state": "Disabled"})
    assert site.shown.enabled is False
    # Nothing is requested again if no reply is due.
    site.event("Enabled")
    assert len(site.asked("session_info/get")) == len(requests) + 1


def test_0_2_nothing_is_retained_so_what_is_retained_is_of_another_day() -> None:
    hub = OfflineHub()
    hub.connection_made()
    payload = orjson.dumps({"state": "Charging"})
    hub.message(f"{ROOT}/{EVSE}/evse_1/e2m/session_info", payload, retained=True)
    assert not hub.nodes


async def test_0_3_a_refused_request_gets_no_reply_at_all(site: Site) -> None:
    task = await begin(site.node().stop_charging())
    [request] = site.asked("pause_charging")
    other = await begin(site.node().act(Feature.UNLOCK_CONNECTOR))
    [unlock] = site.asked("force_unlock")
    # There is no correlation id: only the topic distinguishes replies.
    assert request["headers"]["replyTo"] != unlock["headers"]["replyTo"]
    site.wait(11)
    for each in (task, other):
        with pytest.raises(CommandTimeoutError):
            await outcome(each)
    assert site.shown.pending == {}
    assert site.shown.charging is True


async def test_0_4_no_request_without_a_reply_topic_and_no_pause_by_itself() -> None:
    """An empty one ends EVerest up to 2025.12; any JSON at all pauses."""
    site = Site()
    for kind, module in ((EVSE, "evse_1"), (ERRORS, "errors_1"), (LIMITS, "limits_1")):
        site.publish(kind, module, "heartbeat", 100)
    site.info("Charging")
    site.evse("heartbeat", 0)  # a restart
    site.cut()
    site.mend()
    site.hub.feed("everest_api/ready_beacon", {})
    site.wait(300)  # silence
    assert site.shown.unavailable is Reason.SILENT
    topics = [topic for topic, _ in site.hub.sent]
    assert len(topics) > 20
    assert not [each for each in topics if each.endswith(("_charging", "stop_transaction"))]
    site.evse("heartbeat", 1)
    site.info("Charging")
    await sends(site.node().stop_charging())
    await sends(site.node().set(Feature.ENABLED, value=False))
    reply_topics = [
        orjson.loads(payload)["headers"]["replyTo"]
        for topic, payload in site.hub.sent
        if topic.startswith(f"{ROOT}/") and not topic.endswith("set_external_limits")
    ]
    assert all(each.startswith(f"{ROOT}/") and "#" not in each for each in reply_topics)
    assert len(set(reply_topics)) == len(reply_topics)


def test_0_5_the_state_is_no_plug_sensor(site: Site) -> None:
    site.event("Disabled")
    site.event("Enabled")
    site.info("Unplugged")
    assert (site.shown.status, site.shown.plugged) == (None, None)


def test_0_5_finished_by_the_car_is_a_moment_of_every_pause(site: Site) -> None:
    site.event("StoppingCharging", uuid="one")
    site.info("FinishedEV")
    assert site.shown.status is Status.CHARGING
    site.wait(1)
    site.event("ChargingPausedEVSE", uuid="one", **PAUSE)
    assert site.shown.status is Status.READY_TO_CHARGE


def test_0_5_faults_are_not_in_it(site: Site) -> None:
    site.publish(ERRORS, "errors_1", "heartbeat", 100)
    site.publish(
        ERRORS,
        "errors_1",
        "error_raised",
        {"uuid": "1", "type": "evse_board_support/RCD", "state": "Active"},
    )
    site.info("Charging")
    assert site.shown.problems == ("evse_board_support/RCD",)


async def test_0_6_current_and_start_need_modules_of_their_own() -> None:
    site = Site()
    site.hub.options = Options(measurement_interval=0.0)
    site.info("AuthRequired")
    controls = site.shown.capabilities.controls
    assert not controls & {Feature.MAX_CURRENT, Feature.PHASES}
    site.publish(LIMITS, "limits_1", "heartbeat", 100)
    assert Feature.MAX_CURRENT in site.shown.capabilities.controls
    # Nothing links the two: a second EVSE makes it a matter of choice.
    site.evse("heartbeat", 100, module="evse_2")
    assert Feature.MAX_CURRENT not in site.shown.capabilities.controls
    # Without a token there is no authorization, and no token is invented.
    site.publish(TOKENS, "tokens_1", "heartbeat", 100)
    await sends(site.node().start_charging())
    assert site.asked("resume_charging")
    assert not site.asked("provided_token")


async def test_0_7_stop_is_a_pause(site: Site) -> None:
    await sends(site.node().stop_charging())
    assert site.asked("pause_charging")
    assert not site.asked("stop_transaction")


def test_0_8_the_dead_man_switch_is_left_alone(site: Site) -> None:
    for count in range(60):
        site.wait(5)
        site.evse("heartbeat", 101 + count)
    assert not site.asked("communication_check")


def test_0_9_a_bridge_puts_a_prefix_before_topics_and_not_into_them() -> None:
    site = Site("site1/")
    site.evse("heartbeat", 100)
    sent = [each for each in site.hub.sent if each[0].startswith("site1/")]
    assert sent
    for _, payload in sent:
        assert orjson.loads(payload)["headers"]["replyTo"].startswith("everest_api/")
    site.answer("session_info/get", {"state": "Charging"})
    assert site.shown.status is Status.CHARGING
    assert "site1/everest_api/1/+/+/e2m/#" in site.hub.filters


def test_0_10_two_measurements_a_second_are_published_once_an_interval() -> None:
    hub = OfflineHub(options=Options(measurement_interval=5.0))
    hub.connection_made()
    hub.feed(f"{ROOT}/{EVSE}/evse_1/e2m/session_info", {"state": "Charging"})
    node = hub.nodes["everest:evse_1"]
    hub.advance(hub.clock.time + 10)
    published: list[Any] = []
    node.add_listener(published.append)
    for count in range(60):
        hub.advance(hub.clock.time + 0.5)
        hub.feed(
            f"{ROOT}/{EVSE}/evse_1/e2m/powermeter",
            {"energy_Wh_import": {"total": 9000.0}, "power_W": {"total": 7000.0 + count}},
        )
    powers = [each.meter.power for each in published]
    assert 6 <= len(powers) <= 9
    assert powers[-1] >= 7050


def test_0_11_a_new_word_costs_only_the_status(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for word in ("Levitating", "Charging", "Levitating"):
            site.info(word, charged_energy_wh=500, latest_total_w=7000)
    assert site.shown.status is None
    assert site.shown.raw_status == "Levitating"
    assert site.shown.meter.power == 7000
    assert caplog.text.count("Levitating") == 1
    assert not site.hub.ignored


# Differences between the wire and the specification (the second list) ---------------------


@pytest.mark.parametrize(
    "value", [{"modes": ["DC", "AC_single_phase_core"]}, ["DC", "AC_single_phase_core"]]
)
def test_1_7_transfer_modes_are_an_object(site: Site, value: Any) -> None:
    site.evse("supported_energy_transfer_modes", value)
    assert site.shown.details.transfer_modes == "DC, AC_single_phase_core"
    site.evse("supported_energy_transfer_modes", {"modes": []})
    assert site.shown.details == Details()


def test_1_7_session_resumed_has_a_colon(site: Site) -> None:
    """It may be the first event that is received after a power failure."""
    before = site.shown
    site.event("SessionResumed:", uuid="one")
    assert site.shown.status is before.status
    site.event("TransactionFinished", uuid="one", transaction_finished={"reason": "PowerLoss"})
    site.event("Enabled")
    assert not site.hub.ignored


def test_1_7_the_reason_of_a_pause_is_sent_and_not_specified(site: Site) -> None:
    reasons: dict[str, Any] = {"reasons": ["NoEnergy"]}
    site.event("ChargingPausedEVSE", uuid="one", charging_paused_evse=reasons)
    assert site.shown.status is Status.SUSPENDED_BY_EVSE
    site.event("ChargingPausedEVSE", uuid="one", **PAUSE)
    assert site.shown.status is Status.READY_TO_CHARGE


def test_1_7_energy_may_be_negative_and_lag(site: Site) -> None:
    site.info("Charging", charged_energy_wh=-134)
    assert site.shown.meter.session_energy is None
    site = Site()
    start = {"meter_value": {"energy_Wh_import": {"total": 9000.0}}} | CONNECTED["session_started"]
    site.event("SessionStarted", uuid="one", session_started=start)
    site.info("Charging", charged_energy_wh=-134)
    assert metered(site, energy_Wh_import={"total": 9500.0}).meter.session_energy == 0.5


def test_1_7_energy_of_the_last_session_is_not_that_of_the_next(site: Site) -> None:
    site.info("Charging", charged_energy_wh=5000)
    site.event("SessionFinished", uuid="one")
    site.wait(60)
    site.event("SessionStarted", uuid="two", **CONNECTED)
    assert not site.shown.meter.session_energy


def test_1_7_floats_have_noise(site: Site) -> None:
    shown = metered(
        site,
        voltage_V={"L1": 228.47914123535156},
        current_A={"L1": 15.979043960571289},
        power_W={"total": 10629.40000152587, "L1": -0.0001},
        frequency_Hz={"L1": 49.87580871582031},
    ).meter
    assert (shown.voltage_l1, shown.current_l1, shown.frequency) == (228.5, 15.98, 49.88)
    assert (shown.power, str(shown.power_l1)) == (10629, "0.0")


@pytest.mark.parametrize("stamp", ["2026-11-20T09:15:39Z", "2026-11-20T09:15:39.730Z"])
def test_1_7_times_have_milliseconds_or_none(stamp: str) -> None:
    site = Site()
    site.info("Charging", session_start_time=stamp)
    started = site.shown.session.started
    assert started is not None
    assert started.strftime("%Y-%m-%dT%H:%M:%S") == stamp[:19]


def test_1_7_a_number_may_be_null(site: Site) -> None:
    assert metered(site, power_W={"total": 7000.0}).meter.power == 7000
    shown = metered(site, power_W={"total": None, "L1": None}, current_A={}).meter
    assert (shown.power, shown.power_l1, shown.energy) == (None, None, 9)
    assert not site.hub.ignored


def test_1_7_the_duration_of_a_session_is_not_believed(site: Site) -> None:
    """It stands still without samples of the meter, and continues after the end."""
    before = site.shown.session
    site.info("Charging", session_duration_s=0)
    site.wait(20)
    site.info("Charging", session_duration_s=17)
    assert site.shown.session == before


def test_1_7_a_starting_station_limits_to_nothing_and_means_nothing(site: Site) -> None:
    def limit(value: float, source: str) -> None:
        root = {"ac_max_current_A": {"value": value, "source": source}}
        site.evse("enforced_limits", {"limits_root_side": root, "schedule": []})

    limit(0.0, "")
    assert site.shown.max_current is None
    limit(0.0, "home_assistant")
    assert site.shown.max_current == 0
    limit(16.0, "grid")
    assert (site.shown.max_current, site.shown.limited_by) == (16, "grid")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("session_event", {"event": "Beamed", "uuid": "one"}),
        ("selected_protocol", "ISO15118-22:Wireless"),
        ("hw_capabilities", {"connector_type": "Wireless", "max_current_A_import": 32.0}),
        ("ac_pp_ampacity", {"ampacity": "A_125"}),
        ("a_new_channel", {"a": 1}),
    ],
)
def test_1_7_new_words_may_come_in_any_release(site: Site, variable: str, value: Any) -> None:
    site.evse(variable, value)
    assert site.shown.status is Status.CHARGING
    assert not site.hub.ignored
    assert isinstance(site.node(), EverestChargepoint)


def test_1_7_new_reasons_of_a_pause(site: Site) -> None:
    reasons: dict[str, Any] = {"reasons": ["SolarEclipse"]}
    site.event("ChargingPausedEVSE", uuid="one", charging_paused_evse=reasons)
    assert site.shown.status is Status.READY_TO_CHARGE
