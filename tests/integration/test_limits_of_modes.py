"""A limit for a while in a charging mode that has a limit of its own: that one returns."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.fimp_chargepoint.chargepoint.capabilities import Capabilities, Range
from custom_components.fimp_chargepoint.chargepoint.commands.request import expects
from custom_components.fimp_chargepoint.chargepoint.limits.ownership import still_holds
from custom_components.fimp_chargepoint.chargepoint.limits.requested import (
    Requested,
    TemporaryLimit,
)
from custom_components.fimp_chargepoint.chargepoint.limits.temporary import (
    FormerLimit,
    Tasks,
    TemporaryLimits,
)
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Feature,
    Identity,
    Meter,
    Session,
    Status,
)
from custom_components.fimp_chargepoint.const import DATA_CLOCK
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess

from .conftest import Chargepoint, running, until
from .house import QuickClock
from .limiting import SESSION, later, limit, sent, stored_limits

START = "cmd.charge.start"


@pytest.fixture(autouse=True)
async def _clock(hass: HomeAssistant) -> None:
    """Let tests move the clock."""
    hass.data[DATA_CLOCK] = QuickClock()


async def slowly(found: Chargepoint, offered: str) -> None:
    """Let it charge in the mode slow."""
    await found.point.plug()
    await found.wait_for_state("sensor", "status", "ready_to_charge")
    await found.call("select", "select_option", "charging_mode", option="slow")
    await found.call("switch", "turn_on", "charging")
    await found.wait_for_state("sensor", "offered_current", offered)
    found.point.received.clear()


def starts(found: Chargepoint) -> list[Any]:
    return [each["props"] for each in found.sent(START)]


@pytest.mark.parametrize("profile", ["full", "easee"])
async def test_by_a_limit_of_that_height(
    hass: HomeAssistant, broker: BrokerProcess, profile: str
) -> None:
    """It was 10 A, then 8 A, and is 10 A again; not all that there may be."""
    async with running(hass, broker, ChargepointSetup(profile=profile)) as found:
        await slowly(found, "10.0")
        response = await limit(found, 8, minutes=10)
        assert (response["former"], response["former_mode"]) == (10.0, None)
        await found.wait_for_state("sensor", "offered_current", "8.0")
        await later(hass, minutes=11)
        await found.wait_for_state("sensor", "offered_current", "10.0")
        assert sent(found, SESSION) == [8, 10]
        assert not starts(found)
        # It is no longer the limit of the mode, but has the same value.
        assert found.state("select", "charging_mode") == "slow"


@pytest.fixture(name="slow")
async def slow_fixture(hass: HomeAssistant, broker: BrokerProcess) -> AsyncGenerator[Chargepoint]:
    """An Easee whose mode slow has less than can be set."""
    async with running(hass, broker, ChargepointSetup(profile="easee")) as found:
        garage = found.point["garage"]
        garage.profile = replace(garage.profile, modes={"normal": 32, "slow": 5})
        await slowly(found, "5.0")
        yield found


# If a limit of that height is not possible, the mode is started again ------------------------


async def test_by_starting_the_mode(
    hass: HomeAssistant, slow: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    response = await limit(slow, 8, minutes=10)
    assert (response["former"], response["former_mode"]) == (None, "slow")
    await slow.wait_for_state("sensor", "offered_current", "8.0")
    # A second one does not forget that.
    response = await limit(slow, 7, minutes=20)
    assert (response["former"], response["former_mode"]) == (None, "slow")
    await later(hass, minutes=21)
    await slow.wait_for_state("sensor", "offered_current", "5.0")
    assert starts(slow) == [{"charging_mode": "slow"}]
    assert sent(slow, SESSION) == [8, 7]
    await until(lambda: stored_limits(hass_storage, slow) == {})


async def test_not_in_a_pause(hass: HomeAssistant, slow: Chargepoint) -> None:
    """That would start charging, so it is done when charging resumes."""
    await limit(slow, 8, minutes=10)
    await slow.call("switch", "turn_off", "charging")
    await later(hass, minutes=11)
    assert not starts(slow)
    assert slow.state("switch", "charging") == "off"
    # For example in the manufacturer's app: without a mode.
    garage = slow.point["garage"]
    garage.allowed = True
    garage.apply()
    garage.report_changes()
    await until(lambda: starts(slow) == [{"charging_mode": "slow"}])
    await slow.wait_for_state("sensor", "offered_current", "5.0")


async def test_not_of_a_session_that_is_over(
    hass: HomeAssistant, slow: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    await limit(slow, 8, minutes=10)
    await slow.point.unplug()
    await slow.wait_for_state("sensor", "status", "disconnected")
    await later(hass, minutes=11)
    await until(lambda: stored_limits(hass_storage, slow) == {})
    assert not starts(slow)


async def test_after_a_restart(
    hass: HomeAssistant, slow: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    await limit(slow, 8, minutes=10)
    await hass.config_entries.async_unload(slow.entry.entry_id)
    await hass.config_entries.async_setup(slow.entry.entry_id)
    await slow.wait_for_state("sensor", "offered_current", "8.0")
    await later(hass, minutes=11)
    await slow.wait_for_state("sensor", "offered_current", "5.0")


async def test_not_where_the_mode_is_gone(
    hass: HomeAssistant, slow: Chargepoint, caplog: pytest.LogCaptureFixture
) -> None:
    await limit(slow, 8, minutes=10)
    await slow.point.modes("normal")
    await until(lambda: slow.attribute("select", "charging_mode", "options") == ["normal"])
    await later(hass, minutes=11)
    await until(lambda: "does not accept its former limit" in caplog.text)


async def test_reported_before_it_begins(
    hass: HomeAssistant, slow: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    """Started by another client, in a mode that is not reported."""
    slow.node._mode.forget()
    with pytest.raises(ServiceValidationError, match="cannot be restored"):
        await limit(slow, 8, minutes=10)
    assert not slow.sent(SESSION)
    assert not stored_limits(hass_storage, slow)
    # Permanently it is possible.
    await limit(slow, 8)
    assert sent(slow, SESSION) == [8]


# The limit that returns ---------------------------------------------------------------------


class Known:
    """A charge point that stands still."""

    def __init__(self, mode: str | None, **changes: Any) -> None:
        self.mode_in_force = mode
        snapshot = ChargepointSnapshot(
            identity=Identity(name="Garage"),
            unavailable=None,
            status=Status.CHARGING,
            plugged=True,
            max_current=16.0,
            capabilities=Capabilities(
                reports=frozenset({Feature.OFFERED_CURRENT}),
                ranges={Feature.SESSION_CURRENT: Range(6, 32)},
            ),
        )
        self.snapshot = replace(snapshot, **changes)

    effect = staticmethod(expects)


def former_limit(known: Any, feature: Feature) -> FormerLimit | None:
    return TemporaryLimits(known, Tasks(known)).former(feature)


def offers(current: float | None) -> dict[str, Any]:
    return {"meter": Meter(offered_current=current)}


@pytest.mark.parametrize(
    ("mode", "changes", "former"),
    [
        # Nothing but what holds for all sessions.
        (None, offers(16), FormerLimit()),
        ("normal", offers(16), FormerLimit()),
        (None, offers(10) | {"cable_current": 10.0}, FormerLimit()),
        (None, offers(32) | {"max_current": None}, FormerLimit()),
        # As much as the mode, or another client, lets it have.
        ("slow", offers(10), FormerLimit(10)),
        (None, offers(10), FormerLimit(10)),
        (None, offers(16) | {"max_current": None}, FormerLimit(16)),
        (None, offers(10) | {"session_current": 12.0}, FormerLimit(12)),
        # Less than can be set, or unknown.
        ("slow", offers(5), FormerLimit(mode="slow")),
        (None, offers(5), None),
        ("slow", offers(0), FormerLimit(mode="slow")),
        ("slow", offers(None), FormerLimit(mode="slow")),
        (None, offers(0), None),
        (None, offers(None), None),
        # It is never reported, or does not matter during a pause.
        (
            None,
            {"capabilities": Capabilities(ranges={Feature.SESSION_CURRENT: Range(6, 32)})},
            FormerLimit(),
        ),
        (None, offers(0) | {"status": Status.READY_TO_CHARGE}, FormerLimit()),
    ],
)
def test_what_a_limit_of_a_session_takes_the_place_of(
    mode: str | None, changes: dict[str, Any], former: FormerLimit | None
) -> None:
    known: Any = Known(mode, **changes)
    assert former_limit(known, Feature.SESSION_CURRENT) == former


@pytest.mark.parametrize(
    ("changes", "former"),
    [
        ({}, FormerLimit(16)),
        ({"max_current": None}, None),
        ({"requested": Requested(limits={"max_current": 16.0})}, FormerLimit(16)),
    ],
)
def test_what_a_lasting_limit_takes_the_place_of(
    changes: dict[str, Any], former: FormerLimit | None
) -> None:
    known: Any = Known("slow", **offers(10), **changes)
    assert former_limit(known, Feature.MAX_CURRENT) == former


@pytest.mark.parametrize(
    ("status", "holds"),
    [
        (Status.CHARGING, True),
        (Status.SUSPENDED_BY_EV, True),
        (Status.READY_TO_CHARGE, None),
        (None, None),
    ],
)
def test_a_mode_returns_only_while_charging_is_on(
    status: Status | None,
    holds: bool | None,  # noqa: FBT001
) -> None:
    began = datetime(2026, 11, 20, 18, tzinfo=UTC)
    limit = TemporaryLimit(current=8.0, former=None, until=began, session=began, mode="slow")
    known = replace(
        Known(None).snapshot, status=status, session=Session(started=began), session_current=8.0
    )
    effect = expects("session_current", 8.0)
    assert still_holds(Feature.SESSION_CURRENT, limit, known, effect) is holds
