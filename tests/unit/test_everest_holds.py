"""States that are delayed so that nothing flickers: each published state of a real EVerest."""

from typing import NamedTuple

from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Feature,
    Status,
)
from custom_components.fimp_chargepoint.chargepoint.sessions import (
    SessionEvent,
    SessionEventType,
    SessionTracker,
)

from .everest_site import begin, outcome
from .live import Live

EVSE = "everest:evse_manager_api"
FAULTS = "enable_unlock_faults.jsonl"


class Shown(NamedTuple):
    """The values of a published state that a user sees."""

    status: Status | None
    plugged: bool | None
    enabled: bool | None


class Watched:
    """A recording, everything that is published of it, and the events that follow from it."""

    def __init__(self, live: Live) -> None:
        """Take the events from now on; what is published is noted from `watch` on."""
        self.live = live
        self.published: list[tuple[float, Shown]] | None = None
        self.events: list[SessionEventType] = []
        self._tracker = SessionTracker()
        self._take(live.shown)
        live.node.add_listener(self._take)

    async def until(self, t: float) -> None:
        """Play up to `t` seconds, and let the tracker do what is due."""
        await self.live.until(t)
        self._note(self._tracker.tick(self.live.hub.clock.time))

    def watch(self) -> None:
        """Note from now on what is published, and when."""
        self.published, self.events = [], []
        self._take(self.live.shown)

    def _take(self, snapshot: ChargepointSnapshot) -> None:
        now = self.live.hub.clock.time
        self._note(self._tracker.take(snapshot, now))
        shown = Shown(snapshot.status, snapshot.plugged, snapshot.enabled)
        if self.published is not None and (not self.published or self.published[-1][1] != shown):
            self.published.append((round(now - self.live._start, 2), shown))

    def _note(self, events: list[SessionEvent]) -> None:
        self.events += [event.event_type for event in events]

    @property
    def shown(self) -> list[Shown]:
        """All states that were published, in order."""
        return [shown for _, shown in self.published or ()]


async def watch(name: str, start: float, t: float) -> Watched:
    """Play a recording from `start`, and return what is watched of it from `t` on."""
    live = Live(name, EVSE, begin=start)
    await live.until(start + 1.5)
    watched = Watched(live)
    await watched.until(t)
    watched.watch()
    return watched


async def test_disabling_a_plugged_car_shows_no_unplugged_car() -> None:
    """The state is `Unplugged` for 0.12 s, between SessionFinished and `Disabled`."""
    watched = await watch(FAULTS, 0, 9.9)
    await watched.until(10.03)
    task = await begin(watched.live.node.set(Feature.ENABLED, value=False))
    await watched.until(13.3)
    await outcome(task)
    assert watched.published == [
        (9.9, Shown(Status.REQUESTING, plugged=True, enabled=True)),
        (10.25, Shown(Status.OUT_OF_SERVICE, plugged=None, enabled=False)),
    ]
    # Whether the car is still there can no longer be known: EVerest starts no session for it.
    await watched.until(16.4)
    assert watched.published is not None
    assert watched.published[2:] == [(13.4, Shown(None, plugged=None, enabled=True))]
    assert watched.events == []


async def test_disabling_while_charging_does_not_enable_in_between() -> None:
    """The reply comes a second before `Disabled`, and the words of the ending session between."""
    watched = await watch(FAULTS, 92, 102.9)
    task = await begin(watched.live.node.set(Feature.ENABLED, value=False))
    await watched.until(107.9)
    await outcome(task)
    assert watched.published == [
        (102.9, Shown(Status.CHARGING, plugged=True, enabled=True)),
        (103.02, Shown(Status.CHARGING, plugged=True, enabled=False)),
        (104.09, Shown(Status.FINISHED, plugged=True, enabled=False)),
        (104.19, Shown(Status.OUT_OF_SERVICE, plugged=None, enabled=False)),
    ]
    assert watched.events == [SessionEventType.SESSION_FINISHED]


async def test_enabling_with_a_car_shows_no_unplugged_car_until_its_next_session() -> None:
    watched = await watch(FAULTS, 92, 107.9)
    await watched.until(122.5)
    assert watched.published == [
        (107.9, Shown(Status.OUT_OF_SERVICE, plugged=None, enabled=False)),
        (108.09, Shown(None, plugged=None, enabled=True)),
        (118.0, Shown(Status.REQUESTING, plugged=True, enabled=True)),
        (122.11, Shown(Status.CHARGING, plugged=True, enabled=True)),
    ]
    assert SessionEventType.CAR_DISCONNECTED not in watched.events
    assert SessionEventType.CAR_CONNECTED not in watched.events
    assert watched.events.count(SessionEventType.CHARGING_STARTED) == 1


async def test_enabling_what_is_enabled_shows_what_was_before_for_five_seconds() -> None:
    watched = await watch(FAULTS, 60, 66)
    hub = watched.live.hub
    hub.feed(
        "everest_api/1/evse_manager_consumer/evse_manager_api/e2m/session_event",
        {"event": "Enabled", "uuid": ""},
    )
    hub.feed(
        "everest_api/1/evse_manager_consumer/evse_manager_api/e2m/session_info",
        {"state": "Unplugged"},
    )
    hub.advance(hub.clock.time + 4.9)
    assert set(watched.shown) == {Shown(Status.CHARGING, plugged=True, enabled=True)}
    hub.advance(hub.clock.time + 0.1)
    assert watched.shown[1:] == [Shown(None, plugged=None, enabled=True)]
    assert watched.events == []


async def test_a_restart_with_a_car_shows_no_unplugged_car() -> None:
    """The state is `Unplugged` for 1.5 s, until EVerest begins the session of the car."""
    watched = await watch("outage_evquick.jsonl", 0, 20)
    await watched.until(40)
    assert watched.published == [
        (20.0, Shown(Status.CHARGING, plugged=True, enabled=True)),
        (21.57, Shown(None, plugged=None, enabled=None)),
        (21.67, Shown(None, plugged=None, enabled=True)),
        (21.91, Shown(Status.FINISHED, plugged=None, enabled=True)),
        (21.92, Shown(None, plugged=None, enabled=True)),
        (23.44, Shown(Status.REQUESTING, plugged=True, enabled=True)),
    ]
    assert SessionEventType.CAR_DISCONNECTED not in watched.events
    assert SessionEventType.CAR_CONNECTED not in watched.events


async def test_a_restart_after_which_no_session_begins_shows_after_five_seconds() -> None:
    watched = await watch("outage_evquick.jsonl", 0, 23.4)
    hub = watched.live.hub
    hub.advance(watched.live._start + 26.91)
    assert watched.shown == [Shown(None, plugged=None, enabled=True)]
    hub.advance(watched.live._start + 26.93)
    assert watched.shown[1:] == [Shown(Status.DISCONNECTED, plugged=False, enabled=True)]


async def test_a_plug_that_is_pulled_shows_half_a_second_later() -> None:
    watched = await watch(FAULTS, 60, 87.5)
    await watched.until(92)
    assert watched.published == [
        (87.5, Shown(Status.FINISHED, plugged=True, enabled=True)),
        (88.06, Shown(Status.DISCONNECTED, plugged=False, enabled=True)),
    ]
    assert watched.events == [SessionEventType.CAR_DISCONNECTED]


async def test_preparing_after_an_authorisation_waits_three_seconds() -> None:
    watched = await watch(FAULTS, 58, 62)
    await watched.until(66)
    # A start takes two of them.
    assert watched.published == [
        (62.0, Shown(Status.REQUESTING, plugged=True, enabled=True)),
        (64.32, Shown(Status.CHARGING, plugged=True, enabled=True)),
    ]
    watched = await watch("ev_pause_and_switch.jsonl", 30, 38.3)
    await watched.until(76.2)
    # A car that requests no power keeps `Preparing` permanently.
    assert [shown.status for shown in watched.shown] == [
        Status.REQUESTING,
        Status.SUSPENDED_BY_EV,
        Status.CHARGING,
    ]
