"""Which listeners are called when a charge point reports a change, and which are not."""

from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
import itertools
from operator import attrgetter
from typing import Any, NoReturn
from unittest.mock import patch

from homeassistant.components.binary_sensor import BinarySensorEntityDescription
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.entity import EntityDescription
from homeassistant.setup import async_setup_component
import pytest

from custom_components.fimp_chargepoint import entity
from custom_components.fimp_chargepoint.chargepoint.capabilities import Capabilities, Range
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Cost,
    Feature,
    Identity,
    Reason,
    Session,
    Status,
)
from custom_components.fimp_chargepoint.coordinator import LAST, ChargepointCoordinator
from custom_components.fimp_chargepoint.descriptions.charge_point import NodeSensorDescription
from custom_components.fimp_chargepoint.entity import ControlDescription
from custom_components.fimp_chargepoint.sessions import _MEASUREMENT_INTERVAL
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess
from tests.metadata.entities import PLATFORMS, descriptions

from .conftest import QUIET, Chargepoint, find, running

#: How the keys of entities begin that no charge point has.
_OF_OTHERS = (
    *("ocpp", "csms", "station", "registration", "client_id", "security_profile"),
    *("load", "average_load", "highest_load", "installed", "reserved"),
)
_MEASUREMENTS = ("meter", "health", "vehicle", "direct", "charged")


@pytest.fixture(name="chargepoint")
async def chargepoint_fixture(
    hass: HomeAssistant, broker: BrokerProcess
) -> AsyncGenerator[Chargepoint]:
    """A charge point that reports only on request, so that the tests control it."""
    async with running(hass, broker, ChargepointSetup(profile="full"), timing=QUIET) as found:
        await found.wait_for_state("sensor", "status", "disconnected")
        await found.settles()
        yield found


@pytest.fixture(name="coordinator")
def coordinator_fixture(chargepoint: Chargepoint) -> ChargepointCoordinator:
    """Return the coordinator of a charge point without a car."""
    (coordinator,) = chargepoint.entry.runtime_data.coordinators.values()
    return coordinator


@pytest.fixture(name="calls")
def calls_fixture(coordinator: ChargepointCoordinator) -> Iterator[list[str]]:
    """Return whom the coordinator calls: one that follows the power, and two for facts alone."""
    calls: list[str] = []
    stops = (
        coordinator.async_add_listener(lambda: calls.append("last"), LAST),
        coordinator.async_add_listener(lambda: calls.append("facts")),
        coordinator.async_add_listener(lambda: calls.append("power"), attrgetter("meter.power")),
    )
    yield calls
    for stop in stops:
        stop()


def say(coordinator: ChargepointCoordinator, **news: Any) -> None:
    """Publish a changed snapshot."""
    node = coordinator.node
    node._update(node.host.clock.now(), **news)


def power(coordinator: ChargepointCoordinator, watts: float) -> None:
    """Let the charge point measure something."""
    say(coordinator, meter=replace(coordinator.node.snapshot.meter, power=watts))


def test_a_measurement_is_reported_to_those_that_follow_it(
    coordinator: ChargepointCoordinator, calls: list[str]
) -> None:
    power(coordinator, 1234.0)
    assert calls == ["power"]
    say(coordinator, meter=replace(coordinator.node.snapshot.meter, voltage=229.0))
    assert calls == ["power"]


def test_facts_are_reported_to_all(coordinator: ChargepointCoordinator, calls: list[str]) -> None:
    say(coordinator, cable_lock=not coordinator.data.cable_lock)
    assert calls == ["facts", "power", "last"]
    calls.clear()
    say(coordinator, unavailable=Reason.SILENT)
    assert calls == ["facts", "power", "last"]


def test_entities_are_updated_before_anything_is_recorded(
    hass: HomeAssistant, coordinator: ChargepointCoordinator
) -> None:
    """What is stored, and the repair issues, must not delay a status."""
    order: list[str] = []

    @callback
    def written(event: Event[EventStateChangedData]) -> None:
        order.append(event.data["entity_id"])

    def stored() -> dict[str, object]:
        order.append("stored")
        return {}

    stop = hass.bus.async_listen(EVENT_STATE_CHANGED, written)
    with patch.object(coordinator.node, "to_storage", stored):
        say(coordinator, status=Status.CHARGING)
    stop()
    assert order[0].endswith("_status")
    assert order[-1] == "stored"


def test_a_measurement_with_a_fact(coordinator: ChargepointCoordinator, calls: list[str]) -> None:
    meter = replace(coordinator.node.snapshot.meter, power=1.0)
    say(coordinator, meter=meter, cable_lock=not coordinator.data.cable_lock)
    assert calls == ["facts", "power", "last"]


def test_a_listener_that_fails_costs_nobody_a_measurement(
    coordinator: ChargepointCoordinator, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    def fail() -> NoReturn:
        raise RuntimeError("out of order")

    read = attrgetter("meter.power")
    stop = coordinator.async_add_listener(fail, read)
    coordinator.async_add_listener(lambda: calls.append("next"), read)
    power(coordinator, 77.0)
    assert calls == ["next"]
    assert "out of order" in caplog.text
    stop()
    caplog.clear()


async def test_asking_for_an_update(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    coordinator: ChargepointCoordinator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Home Assistant's own action changes nothing, and logs no failure."""
    # An answer to what was asked at the start would make it available.
    monkeypatch.setattr(chargepoint.entry.runtime_data.hub, "message", lambda *_, **__: None)
    await async_setup_component(hass, "homeassistant", {})
    target = {"entity_id": chargepoint.id("switch", "charging")}
    for reason, state in ((Reason.OFFLINE, "unavailable"), (None, "off")):
        say(coordinator, unavailable=reason)
        await hass.services.async_call("homeassistant", "update_entity", target, blocking=True)
        await hass.async_block_till_done()
        assert chargepoint.state("switch", "charging") == state
        assert coordinator.last_update_success is (reason is None)


async def test_capabilities_are_looked_at_when_they_change(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    coordinator: ChargepointCoordinator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A late answer would bring back the capabilities that it really has.
    monkeypatch.setattr(chargepoint.entry.runtime_data.hub, "message", lambda *_, **__: None)
    looks: list[Capabilities | None] = []
    stop = chargepoint.entry.runtime_data.async_for_capabilities(
        lambda _, before: looks.append(before)
    )
    assert looks == [None]
    power(coordinator, 42.0)
    say(coordinator, cable_lock=not coordinator.data.cable_lock)
    assert looks == [None]
    before = coordinator.data.capabilities
    say(coordinator, capabilities=before.reporting(Feature.EVSE_ID))
    assert looks == [None, before]
    await hass.async_block_till_done()
    assert find(hass, "sensor", "evse_id")
    say(coordinator, capabilities=before)
    await hass.async_block_till_done()
    assert find(hass, "sensor", "evse_id") is None
    stop()
    assert len(looks) == 3


async def test_a_platform_that_fails_costs_no_other_one_an_entity(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    coordinator: ChargepointCoordinator,
    calls: list[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As above.
    monkeypatch.setattr(chargepoint.entry.runtime_data.hub, "message", lambda *_, **__: None)

    def fail(_: object, before: Capabilities | None) -> None:
        if before is not None:
            raise RuntimeError("out of order")

    # It is asked before all platforms.
    data = chargepoint.entry.runtime_data
    data._capability_actions.insert(0, fail)
    capabilities = coordinator.data.capabilities.reporting(Feature.EVSE_ID)
    say(coordinator, capabilities=capabilities)
    await hass.async_block_till_done()
    assert find(hass, "sensor", "evse_id")
    assert calls == ["facts", "power", "last"]
    assert "out of order" in caplog.text
    data._capability_actions.remove(fail)
    caplog.clear()


async def test_no_session_sensor_looks_at_the_power(
    hass: HomeAssistant, chargepoint: Chargepoint, coordinator: ChargepointCoordinator
) -> None:
    keeper = chargepoint.entry.runtime_data.sessions.of(coordinator.node.address)
    calls: list[None] = []
    stop = keeper.async_add_listener(lambda: calls.append(None))
    power(coordinator, 2300.0)
    power(coordinator, 2400.0)
    assert calls == []
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    assert calls
    stop()


def test_a_session_takes_measurements_at_intervals_before_a_fact_and_at_the_end(
    chargepoint: Chargepoint, coordinator: ChargepointCoordinator
) -> None:
    keeper = chargepoint.entry.runtime_data.sessions.of(coordinator.node.address)
    taken: list[tuple[float | None, bool | None]] = []

    def take(snapshot: ChargepointSnapshot, *_: object) -> list[Any]:
        taken.append((snapshot.meter.session_energy, snapshot.cable_lock))
        return []

    def charge(energy: float) -> None:
        say(coordinator, meter=coordinator.node.snapshot.meter.with_(session_energy=energy))

    say(coordinator, cable_lock=False)
    say(coordinator, cable_lock=True)
    with patch.object(keeper.tracker, "take", take):
        charge(1.0)
        charge(2.0)
        assert taken == []
        say(coordinator, cable_lock=False)
        assert taken == [(2.0, True), (2.0, False)]
        charge(3.0)
        keeper._tick(coordinator.node.host.clock.now())
        assert taken[2:] == [(3.0, False)]
        charge(4.0)
        due = keeper._timers.next_deadline
        assert due is not None
        keeper._take(due)
        charge(5.0)
        assert taken[3:] == [(4.0, False)]
        assert keeper._timers.next_deadline == due + _MEASUREMENT_INTERVAL
        keeper.close()
        assert taken[4:] == [(5.0, False)]
    # It is closed again with its entry.
    keeper._stop_listening = lambda: None


async def test_nothing_runs_for_nobody(hass: HomeAssistant, broker: Any) -> None:
    """A removed charge point no longer calls its listeners."""
    async with running(hass, broker, timing=QUIET) as chargepoint:
        (coordinator,) = chargepoint.entry.runtime_data.coordinators.values()
        chargepoint.entry.runtime_data.hub.remove_node(coordinator.node.address)
        await hass.async_block_till_done()
        assert not any(
            isinstance(getattr(each, "__self__", None), entity.NodeEntity)
            for each, _ in coordinator._listeners.values()
        )


# No entity misses a measurement that it shows --------------------------------------------------


class _Measured:
    """Stands for measurements, and records who reads them."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"reads the measurement {name}, and does not hear of it")


def _snapshots() -> Iterator[ChargepointSnapshot]:
    """Yield charge points in all conditions, whose measurements must not be read."""
    blank = ChargepointSnapshot(
        identity=Identity(name="x"),
        capabilities=Capabilities(
            options={Feature.PHASES: ("1", "3")}, ranges={Feature.MAX_CURRENT: Range(6, 32)}
        ),
        unavailable=None,
        **dict.fromkeys(_MEASUREMENTS, _Measured()),  # type: ignore[arg-type]
    )
    for status, plugged, wrong, current in itertools.product(
        (None, *Status), (None, False, True), ((), ("fault",)), (None, 0.0, 16.0)
    ):
        yield replace(
            blank, status=status, plugged=plugged, errors=frozenset(wrong), max_current=current
        )


def _reads(description: EntityDescription) -> Callable[[ChargepointSnapshot], object] | None:
    """Return how an entity that only follows facts reads a charge point."""
    match description:
        case NodeSensorDescription(measured=None):
            return description.value_fn
        case ControlDescription():
            return description.control.state_fn
        case BinarySensorEntityDescription() if hasattr(description, "is_on_fn"):
            return description.is_on_fn
    return None


@pytest.mark.parametrize("platform", PLATFORMS)
def test_who_shows_a_measurement_hears_of_it(platform: str) -> None:
    for description in descriptions(platform):
        if description.key.startswith(_OF_OTHERS) or (read := _reads(description)) is None:
            continue
        for snapshot in _snapshots():
            read(snapshot)


def test_there_are_measurements_and_facts() -> None:
    """The test above is worth something."""
    sensors = [
        each
        for each in descriptions("sensor")
        if isinstance(each, NodeSensorDescription) and not each.key.startswith(_OF_OTHERS)
    ]
    snapshot = next(_snapshots())
    for each in sensors:
        if each.measured:
            with pytest.raises((AssertionError, TypeError)):
                each.value_fn(replace(snapshot, session=_began(snapshot)))
    assert any(each.measured for each in sensors)
    assert not all(each.measured for each in sensors)


def _measurements() -> Iterator[dict[str, object]]:
    """Yield changes of a snapshot, each of one measurement."""
    for name in ("meter", "health", "vehicle", "direct"):
        value = getattr(_BLANK, name)
        for each in fields(value):
            texts = each.name in ("restart_reason", "id", "dc_mode")
            numbers = "float" in str(each.type)
            new = 7.0 if numbers else "words" if texts else datetime(2026, 11, 22, tzinfo=UTC)
            yield {name: replace(value, **{each.name: new})}
    yield {"charged": Cost(total=7.0, currency="EUR")}


_BLANK = ChargepointSnapshot(
    identity=Identity(name="x"), session=Session(started=datetime(2026, 11, 21, tzinfo=UTC))
)


def test_a_sensor_follows_what_it_shows() -> None:
    """It is called for a change of this alone."""
    shown: set[str] = set()
    for each in descriptions("sensor"):
        if not isinstance(each, NodeSensorDescription) or each.measured is None:
            continue
        if each.key.startswith(_OF_OTHERS):
            continue
        for changes in _measurements():
            snapshot = replace(_BLANK, **changes)  # type: ignore[arg-type]
            follows = each.measured(snapshot) != each.measured(_BLANK)
            assert follows is (each.value_fn(snapshot) != each.value_fn(_BLANK)), each.key
            if follows:
                shown.add(each.key)
    assert len(shown) > 30


def _began(snapshot: ChargepointSnapshot) -> Any:
    return replace(snapshot.session, started=object())
