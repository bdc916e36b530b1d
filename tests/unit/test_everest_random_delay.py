"""The random delay of British rules: seen, switched, skipped, through either API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandTimeoutError,
    InvalidRequestError,
    NotConnectedError,
    OutOfRangeError,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature

from .everest_delays import count
from .everest_legacy_site import Site as LegacySite
from .everest_limits import holding
from .everest_site import Site, begin, outcome

CONTROLS = {Feature.RANDOM_DELAY, Feature.RANDOM_DELAY_DURATION, Feature.SKIP_RANDOM_DELAY}


@pytest.fixture(name="site", params=["", "site1/"])
def site_fixture(request: pytest.FixtureRequest) -> Site:
    """A station with one EVSE that charges."""
    site = Site(request.param)
    site.info("Charging")
    site.evse("heartbeat", 100)
    return site


def rounds(site: Site, number: int, *countdown: Any) -> None:
    """Let the energy manager go round, each second, with or without a countdown."""
    for _ in range(number):
        site.wait(1)
        site.evse("enforced_limits", holding(16.0))
        for each in countdown:
            site.evse("random_delay_countdown", count(each))


def at(site: Site, seconds: float) -> datetime:
    """Return the moment so many seconds from now."""
    return datetime.fromtimestamp(site.hub.clock.time, UTC) + timedelta(seconds=seconds)


def test_it_is_not_offered_where_nobody_tells_of_it(site: Site) -> None:
    rounds(site, 5)
    assert not CONTROLS & site.shown.capabilities.controls
    assert site.shown.random_delay is None


def test_a_countdown_offers_it(site: Site) -> None:
    rounds(site, 1, 0)
    assert site.shown.capabilities.controls >= CONTROLS
    assert Feature.DELAYED_UNTIL in site.shown.capabilities.reports
    assert site.shown.random_delay is True
    assert site.shown.delayed_until is None


@pytest.mark.parametrize("answer", [True, count(431, start_time="2026-09-12T16:59:00.000Z")])
def test_an_answer_offers_it_and_says_nothing_of_now(site: Site, answer: Any) -> None:
    """The stored value that is returned on request may be of a delay that ended long ago."""
    site.answer("random_delay_countdown/get", answer)
    assert site.shown.capabilities.controls >= CONTROLS
    assert site.shown.random_delay is None
    assert site.shown.delayed_until is None
    rounds(site, 2)
    assert site.shown.random_delay is None
    rounds(site, 1)
    assert site.shown.random_delay is False


def test_the_end_stands_still_while_it_is_counted(site: Site) -> None:
    rounds(site, 1, 30)
    end = site.shown.delayed_until
    assert end is not None
    assert abs(end - at(site, 30)) <= timedelta(seconds=1)
    for left in (29, 27, 26):
        rounds(site, 1, left)
        assert site.shown.delayed_until == end
    # Another one begins.
    rounds(site, 1, 300)
    assert site.shown.delayed_until != end
    rounds(site, 1, 0)
    assert site.shown.delayed_until is None
    assert site.shown.random_delay is True


@pytest.mark.parametrize("left", [None, "soon", True, -5, {}, [30]])
def test_what_is_no_count_delays_nothing(site: Site, left: Any) -> None:
    rounds(site, 1, left)
    assert site.shown.delayed_until is None
    assert not site.hub.ignored


def test_a_count_may_be_overtaken_by_a_limit(site: Site) -> None:
    rounds(site, 1, 30)
    rounds(site, 2)
    assert site.shown.random_delay is True
    rounds(site, 1, 27)
    rounds(site, 3)
    assert site.shown.random_delay is False
    assert site.shown.delayed_until is None


def test_a_restart_forgets_it(site: Site) -> None:
    rounds(site, 1, 30)
    site.evse("heartbeat", 0)
    assert site.shown.random_delay is None
    assert site.shown.delayed_until is None
    rounds(site, 3)
    assert site.shown.random_delay is False


def test_a_lost_link_forgets_it(site: Site) -> None:
    rounds(site, 1, 30)
    site.cut()
    assert site.shown.random_delay is None
    assert site.shown.delayed_until is None
    assert site.shown.capabilities.controls >= CONTROLS


async def test_switched_on_and_off(site: Site) -> None:
    site.answer("random_delay_countdown/get", True)
    rounds(site, 3)
    node = site.node()
    task = await begin(node.set(Feature.RANDOM_DELAY, True))
    assert site.asked("random_delay_enable") == [{}]
    assert site.shown.pending == {Feature.RANDOM_DELAY: True}
    rounds(site, 1)
    assert not task.done()
    rounds(site, 1, 0)
    await outcome(task)
    assert site.shown.random_delay is True

    task = await begin(node.set(Feature.RANDOM_DELAY, False))
    assert site.asked("random_delay_disable") == [{}]
    rounds(site, 2, 0)
    assert not task.done()
    rounds(site, 3)
    await outcome(task)
    assert site.shown.random_delay is False


async def test_nobody_heard_it(site: Site) -> None:
    rounds(site, 1, 0)
    task = await begin(site.node().set(Feature.RANDOM_DELAY, False))
    rounds(site, 11, 0)
    with pytest.raises(CommandTimeoutError):
        await outcome(task)
    assert site.shown.random_delay is True


async def test_skipped(site: Site) -> None:
    rounds(site, 1, 300)
    task = await begin(site.node().act(Feature.SKIP_RANDOM_DELAY))
    assert site.asked("random_delay_cancel") == [{}]
    rounds(site, 1, 299)
    assert not task.done()
    rounds(site, 1, 0)
    await outcome(task)
    # Without a delay there is nothing to skip.
    site.take()
    await site.node().act(Feature.SKIP_RANDOM_DELAY)
    assert site.take() == []


async def test_the_duration_is_what_was_asked_for(site: Site) -> None:
    """No API reports it, so it is unknown until it is set, and after a restart."""
    rounds(site, 1, 0)
    node = site.node()
    assert site.shown.random_delay_duration is None
    assert Feature.RANDOM_DELAY_DURATION in site.shown.capabilities.assumed
    assert Feature.RANDOM_DELAY not in site.shown.capabilities.assumed
    await node.set(Feature.RANDOM_DELAY_DURATION, 120.9)
    assert site.asked("random_delay_set_duration_s") == [120]
    assert site.shown.random_delay_duration == 120
    assert not site.shown.pending
    # The same once more: the first message may have been lost.
    await node.set(Feature.RANDOM_DELAY_DURATION, 120)
    assert len(site.asked("random_delay_set_duration_s")) == 2
    site.evse("heartbeat", 0)
    assert site.shown.random_delay_duration is None


async def test_the_duration_that_did_not_leave(site: Site) -> None:
    rounds(site, 1, 0)
    site.hub.connected = False
    with pytest.raises(NotConnectedError):
        await site.node().set(Feature.RANDOM_DELAY_DURATION, 120)
    assert site.shown.random_delay_duration is None
    assert not site.shown.pending


@pytest.mark.parametrize("seconds", [0, 0.9, -1, 1801])
async def test_a_duration_that_would_end_everest(site: Site, seconds: float) -> None:
    rounds(site, 1, 0)
    site.take()
    with pytest.raises(OutOfRangeError):
        await site.node().set(Feature.RANDOM_DELAY_DURATION, seconds)
    assert site.take() == []


@pytest.mark.parametrize("feature", [Feature.RANDOM_DELAY, Feature.RANDOM_DELAY_DURATION])
async def test_nothing_is_sent_where_it_is_not_offered(site: Site, feature: Feature) -> None:
    with pytest.raises(InvalidRequestError):
        await site.node().set(feature, 1)


# The older API ---------------------------------------------------------------------------


def delays(site: LegacySite, seconds: int | None) -> None:
    """Let the station report the rest of a delay."""
    site.info["connector_1"].pop("uk_random_delay", None)
    more = {} if seconds is None else {"uk_random_delay": {"remaining_s": seconds}}
    site.report(**more)


@pytest.fixture(name="old")
def old_fixture() -> LegacySite:
    """A connector that was found."""
    site = LegacySite()
    site.wait(5, "Charging")
    return site


def orders(site: LegacySite, name: str) -> list[bytes]:
    """Return what was sent for a command."""
    return [payload for topic, payload in site.hub.sent if topic.endswith(f"/cmd/{name}")]


async def test_the_old_api_says_only_what_is_counted(old: LegacySite) -> None:
    node = old.hub.nodes["everest_legacy:connector_1"]
    assert not CONTROLS & node.snapshot.capabilities.controls
    delays(old, 30)
    shown = node.snapshot
    assert shown.capabilities.controls >= CONTROLS
    assert Feature.POWER in shown.capabilities.reports or shown.meter.power is None
    assert shown.random_delay is True
    assert shown.delayed_until is not None
    task = await begin(node.act(Feature.SKIP_RANDOM_DELAY))
    assert orders(old, "uk_random_delay") == [b"cancel"]
    delays(old, 29)
    assert not task.done()
    delays(old, None)
    await outcome(task)
    assert node.snapshot.delayed_until is None
    # It reports nothing, maybe because nothing is delayed: the requested value counts.
    assert node.snapshot.random_delay is True
    assert node.snapshot.capabilities.assumed == {
        Feature.RANDOM_DELAY,
        Feature.RANDOM_DELAY_DURATION,
    }
    await node.set(Feature.RANDOM_DELAY, False)
    assert node.snapshot.random_delay is False
    await node.set(Feature.RANDOM_DELAY, True)
    await node.set(Feature.RANDOM_DELAY_DURATION, 60)
    assert orders(old, "uk_random_delay") == [b"cancel", b"disable", b"enable"]
    assert orders(old, "uk_random_delay_set_max_duration_s") == [b"60"]
    # Another client has switched it on again.
    await node.set(Feature.RANDOM_DELAY, False)
    delays(old, 5)
    assert node.snapshot.random_delay is True


async def test_the_power_is_kept_beside_a_count(old: LegacySite) -> None:
    node = old.hub.nodes["everest_legacy:connector_1"]
    old.info["connector_1"]["latest_total_w"] = 3000.0
    delays(old, 30)
    assert Feature.POWER in node.snapshot.capabilities.reports
    assert node.snapshot.meter.power == 3000
    assert orjson.dumps(old.info)
