"""Our limits are restored after the charge point was offline, without fighting others."""

from dataclasses import replace

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.limits.requested import (
    Requested,
    StoredRequests,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature

from .everest_limits import HARDWARE, OURS, holding, limit, ordered, split
from .everest_site import LIMITS, Site, begin, outcome
from .fakes import UNTHROTTLED, OfflineHub
from .fimp_garage import Garage
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, state
from .fimp_settings import max_current, phase_mode, thing

KEEPING = replace(UNTHROTTLED, restore_limits=True)
SET = "cmd.max_current.set"


@pytest.fixture
async def garage() -> Garage:
    """A FIMP charge point whose maximum current was set to 16 A by Home Assistant, at second 0."""
    garage = Garage(KEEPING)
    await (await garage.call(garage.node.set(Feature.MAX_CURRENT, 16)))
    assert garage.node.snapshot.requested.limits == {"max_current": 16}
    garage.begun = garage.hub.clock.time
    garage.received.clear()
    return garage


def report_max_current(garage: Garage, current: float) -> None:
    """Report another maximum current."""
    garage.report_answer("cmd.max_current.get_report", max_current(current))


async def away_and_back(garage: Garage, current: float) -> None:
    garage.hub.connection_lost(NotConnectedError("gone"))
    assert garage.node.snapshot.max_current is None
    assert garage.node.snapshot.requested.limits == {"max_current": 16}
    garage.hub.connection_made()
    garage.report_state("ready_to_charge")
    report_max_current(garage, current)


async def test_a_lost_limit_is_set_again_once(garage: Garage) -> None:
    await away_and_back(garage, 32)
    await garage.until(9)
    assert garage.received == []
    await garage.until(200)
    assert garage.received_of(SET) == [(10.0, 16)]
    assert garage.node.snapshot.max_current == 16
    assert garage.node.snapshot.requested.limits == {"max_current": 16}


async def test_a_limit_that_holds_is_not_set_again(garage: Garage) -> None:
    await away_and_back(garage, 16)
    await garage.until(200)
    assert garage.received == []


async def test_a_stale_first_report_does_not_count(garage: Garage) -> None:
    await away_and_back(garage, 32)
    await garage.until(5)
    report_max_current(garage, 16)
    await garage.until(200)
    assert garage.received == []


async def test_a_charge_point_that_refuses_is_not_asked_again(
    garage: Garage, caplog: pytest.LogCaptureFixture
) -> None:
    garage.refuses_commands = True
    await away_and_back(garage, 32)
    await garage.until(200)
    assert len(garage.received) == 1
    assert (
        "did not accept its former limit (max_current 16.0): command_rejected (reason=no"
        in caplog.text
    )
    # The next time it comes back it is.
    garage.refuses_commands = False
    await away_and_back(garage, 32)
    await garage.until(400)
    assert garage.node.snapshot.max_current == 16


async def test_what_somebody_else_sets_stays(garage: Garage) -> None:
    await garage.until(100)
    report_max_current(garage, 20)
    await garage.until(200)
    assert garage.node.snapshot.requested.limits == {}
    garage.reconnect()
    report_max_current(garage, 20)
    await garage.until(400)
    assert garage.received == []


async def test_what_is_ours_again_soon_is_nobodys_wish(garage: Garage) -> None:
    report_max_current(garage, 20)
    await garage.until(30)
    report_max_current(garage, 16)
    await garage.until(200)
    assert garage.node.snapshot.requested.limits == {"max_current": 16}


async def test_what_the_user_wants_meanwhile_counts(garage: Garage) -> None:
    await away_and_back(garage, 32)
    await garage.until(8)
    await garage.call(garage.node.set(Feature.MAX_CURRENT, 10))
    await garage.until(200)
    assert garage.received_of(SET) == [(8.0, 10)]
    assert garage.node.snapshot.requested.limits == {"max_current": 10}


async def test_what_it_reports_late(garage: Garage) -> None:
    garage.hub.connection_lost(NotConnectedError("gone"))
    garage.hub.connection_made()
    garage.ignore_request("cmd.max_current.get_report")
    garage.report_state("ready_to_charge")
    await garage.until(25)
    assert garage.received == []
    report_max_current(garage, 32)
    await garage.until(200)
    assert garage.received_of(SET) == [(30.0, 16)]


async def test_phases_and_their_mode_are_one_limit(garage: Garage) -> None:
    await (await garage.call(garage.node.set(Feature.PHASES, "1")))
    assert garage.node.snapshot.requested.limits == {"max_current": 16, "phases": "1"}
    await (await garage.call(garage.node.set(Feature.PHASE_MODE, "nl3")))
    assert garage.node.snapshot.requested.limits == {"max_current": 16, "phase_mode": "nl3"}
    garage.reconnect()
    report_max_current(garage, 16)
    garage.report_answer("cmd.phase_mode.get_report", phase_mode("NL1L2L3"))
    await garage.until(200)
    assert garage.received_of("cmd.phase_mode.set")[-1][1] == "NL3"
    assert garage.node.snapshot.phase_mode == "nl3"


async def test_a_limit_of_an_earlier_run() -> None:
    garage = Garage(KEEPING)
    limits = {"max_current": 16, "nonsense": 1}
    garage.node.restore(StoredRequests.from_storage({"limits": limits}))
    await garage.until(200)
    assert garage.received_of(SET) == [(10.0, 16)]
    # One of this run counts more.
    garage.node.limits.restore(Requested(limits={"max_current": 8}), garage.hub.clock.time)
    assert garage.node.snapshot.requested.limits == {"max_current": 16}


async def test_a_limit_of_an_earlier_run_before_it_was_heard() -> None:
    garage = Garage(KEEPING)
    garage.hub.connection_lost(NotConnectedError("gone"))
    garage.node.limits.restore(Requested(limits={"max_current": 16}), garage.hub.clock.time)
    await garage.until(50)
    garage.hub.connection_made()
    garage.report_state("ready_to_charge")
    report_max_current(garage, 32)
    await garage.until(200)
    assert garage.received_of(SET) == [(60.0, 16)]


async def test_without_the_option_nothing_is_set_again() -> None:
    garage = Garage(UNTHROTTLED)
    await (await garage.call(garage.node.set(Feature.MAX_CURRENT, 16)))
    await away_and_back(garage, 32)
    await garage.until(200)
    assert len(garage.received) == 1


async def test_nothing_is_kept_of_what_was_not_proven() -> None:
    garage = Garage(KEEPING)
    garage.refuses_commands = True
    await garage.call(garage.node.set(Feature.MAX_CURRENT, 16))
    assert garage.node.snapshot.requested.limits == {}


async def test_limits_that_make_no_sense_to_the_charge_point() -> None:
    """They are restored before it has reported its capabilities, and it continues anyway."""
    hub = OfflineHub(options=KEEPING)
    hub.connection_made()
    hub.feed(CHARGER, state())
    # Its adapter does not report its identity in time.
    hub.advance(hub.clock.time + 60)
    hub.feed(CHARGER, state())
    node = hub.nodes[ADDRESS]
    limits = {"max_current": -7.0, "phases": "2", "phase_mode": "l1l2"}
    node.limits.restore(Requested(limits=limits), hub.clock.time)
    assert node.snapshot.requested.limits == limits
    hub.feed(ADAPTER, thing())
    hub.feed(CHARGER, state("charging"))
    hub.advance(hub.clock.time + 300)
    assert node.snapshot.status == "charging"
    assert hub.ignored["internal"] == 0


async def test_a_number_of_phases_that_it_no_longer_has() -> None:
    """An adapter may report later that the phases cannot be set."""
    garage = Garage(KEEPING)
    garage.node.limits.restore(Requested(limits={"phases": "1"}), garage.hub.clock.time)
    garage.hub.feed(ADAPTER, thing((), sup_phase_modes=[]))
    garage.hub.feed(CHARGER, state("charging"))
    assert garage.node.snapshot.status == "charging"
    assert garage.hub.ignored["internal"] == 0


# EVerest -----------------------------------------------------------------------------


@pytest.fixture
async def site() -> Site:
    """A station with limits of ours: 10 A, and one phase."""
    site = Site("", options=KEEPING)
    site.info("Charging")
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    site.evse("hw_capabilities", HARDWARE)
    site.evse("enforced_limits", holding(16.0))
    for command, enforced in (
        (limit(site, 10), holding(10.0, OURS)),
        (split(site, "1"), holding(10.0, OURS, 1, OURS)),
    ):
        task = await begin(command)
        site.evse("enforced_limits", enforced)
        assert await outcome(task) is None
    site.evse("heartbeat", 100)
    site.take()
    assert site.shown.requested.limits == {"max_current": 10, "phases": "1"}
    return site


def restart(site: Site) -> None:
    """EVerest restarts, and loses our limits before its heartbeat shows that."""
    site.evse("enforced_limits", holding(16.0))
    site.evse("heartbeat", 0)


async def settle(site: Site, seconds: float, enforced: dict[str, object]) -> None:
    """Let some time pass; the limits are reported every second."""
    for _ in range(int(seconds)):
        site.wait(1)
        site.evse("enforced_limits", enforced)
        await begin(_nothing())


async def _nothing() -> None:
    """Let other tasks run."""


async def test_a_station_that_was_restarted(site: Site) -> None:
    restart(site)
    await settle(site, 11, holding(16.0))
    # The second message holds both.
    assert ordered(site)[-1] == {"ac_max_current_A": 10, "ac_max_phase_count": 1}
    site.take()
    await settle(site, 200, holding(10.0, OURS, 1, OURS))
    assert ordered(site) == []
    assert site.shown.pending == {}


async def test_behind_a_lower_limit_of_somebody_else_it_is_set_again(site: Site) -> None:
    """Ours is hidden, and theirs may end during a disconnection."""
    await settle(site, 100, holding(8.0, "OCPP", 1, OURS))
    assert site.shown.requested.limits == {"max_current": 10, "phases": "1"}
    restart(site)
    await settle(site, 100, holding(8.0, "OCPP", 1, OURS))
    # Once for its start, and once because its effect was not seen.
    assert ordered(site) == [{"ac_max_current_A": 10.0, "ac_max_phase_count": 1}] * 2
    assert site.shown.requested.limits == {"max_current": 10, "phases": "1"}


async def test_somebody_else_overwrites_ours(site: Site) -> None:
    await settle(site, 100, holding(14.0, "API_module", 1, OURS))
    assert site.shown.requested.limits == {"phases": "1"}
    restart(site)
    await settle(site, 100, holding(14.0, "API_module", 1, OURS))
    assert ordered(site) == [{"ac_max_phase_count": 1}]


async def test_phases_of_which_nothing_is_reported(site: Site) -> None:
    """After some time, that means that there is no limit."""
    restart(site)
    await settle(site, 100, holding(10.0, OURS, None))
    assert ordered(site)[0]["ac_max_phase_count"] == 1


async def test_our_limits_are_withdrawn(site: Site) -> None:
    await site.node().withdraw_limits()
    (message,) = site.asked("set_external_limits")
    assert message["schedule_import"] == []


async def test_limits_come_before_all_else_after_a_restart(site: Site) -> None:
    """Until then the car may have what it wants."""
    restart(site)
    (message, *_) = site.hub.sent
    assert message[0].endswith("/set_external_limits")
    assert ordered(site) == [{"ac_max_current_A": 10, "ac_max_phase_count": 1}]
    # It holds soon, and nothing more is sent.
    site.take()
    await settle(site, 1, holding(16.0))
    await settle(site, 200, holding(10.0, OURS, 1, OURS))
    assert ordered(site) == []


async def test_limits_come_before_all_else_when_a_silent_station_is_back(site: Site) -> None:
    """It was silent because it was restarting."""
    site.wait(40)
    assert not site.shown.available
    site.take()
    site.evse("heartbeat", 0)
    (message, *others) = site.hub.sent
    assert message[0].endswith("/set_external_limits")
    assert others
    assert ordered(site) == [{"ac_max_current_A": 10, "ac_max_phase_count": 1}]
    # A report of a moment ago does not count.
    site.evse("enforced_limits", holding(16.0))
    await settle(site, 1, holding(16.0))
    site.take()
    await settle(site, 200, holding(10.0, OURS, 1, OURS))
    assert ordered(site) == []
    assert site.shown.requested.limits == {"max_current": 10, "phases": "1"}


async def test_a_station_that_did_not_receive_its_limits_gets_them_again(site: Site) -> None:
    """Its module for limits may have started later than the rest."""
    restart(site)
    site.take()
    await settle(site, 2, holding(16.0))
    assert ordered(site) == []
    await settle(site, 1, holding(16.0))
    assert ordered(site)[-1] == {"ac_max_current_A": 10, "ac_max_phase_count": 1}
    assert site.shown.pending == {"max_current": 10, "phases": "1"}
    await settle(site, 2, holding(10.0, OURS, 1, OURS))
    assert site.shown.pending == {}


async def test_a_station_that_was_away_gets_its_limits_as_soon_as_it_shows_the_loss(
    site: Site,
) -> None:
    site.wait(40)
    assert not site.shown.available
    site.take()
    site.evse("heartbeat", 141)
    await begin(_nothing())
    assert ordered(site) == []
    site.evse("enforced_limits", holding(16.0))
    await settle(site, 1, holding(16.0))
    assert ordered(site)[-1] == {"ac_max_current_A": 10, "ac_max_phase_count": 1}
    await settle(site, 2, holding(10.0, OURS, 1, OURS))
    assert site.shown.pending == {}


@pytest.mark.parametrize(("seconds", "kept"), [(59, {"max_current": 10}), (62, {})])
async def test_without_the_option_what_was_lost_unseen_is_forgotten(
    seconds: int, kept: dict[str, object]
) -> None:
    """Home Assistant was away while the station was restarted."""
    site = Site()
    site.info("Charging")
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    site.evse("hw_capabilities", HARDWARE)
    site.node().limits.restore(Requested(limits={"max_current": 10}), site.hub.clock.time)
    await settle(site, seconds, holding(16.0))
    assert site.shown.requested.limits == kept
    site.take()
    task = await begin(split(site, "1"))
    phases = {"ac_max_phase_count": 1}
    assert ordered(site) == [{"ac_max_current_A": 10} | phases if kept else phases]
    site.evse("enforced_limits", holding(16.0, OURS, 1, OURS))
    assert await outcome(task) is None
