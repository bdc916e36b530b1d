"""The actions about authorization, on each release that behaves differently."""

from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import probatio
import pytest

from custom_components.fimp_chargepoint.const import DOMAIN
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, until

#: The requests that only the first release accepts.
ONLY_FIRST: dict[str, dict[str, Any]] = {
    "reserve": {"number": 7},
    "cancel_reservation": {},
    "withdraw_authorization": {},
    "answer_authorization": {"token": "CAFE", "status": "accepted"},
    "allow_charging": {},
}


@pytest.fixture(name="external_ready")
def external_ready_fixture() -> bool:
    """Whether the station waits for an external release after its start."""
    return False


@pytest.fixture(name="chargepoint")
async def chargepoint_fixture(
    hass: HomeAssistant, broker: BrokerProcess, dialect: str, *, external_ready: bool
) -> AsyncGenerator[Chargepoint]:
    """An EVSE with a reader, whose cars are not authorized."""
    entry = await load(hass, other_broker(broker))
    async with EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(authorize=False, external_ready=external_ready),
        dialect=dialect,
        companions=CompanionSetup(tokens="reader", authorizer="auth"),
        timing=QUICK,
    ) as station:
        found = Chargepoint(hass, station, entry)
        await until(lambda: found.entry.runtime_data.hub.nodes)
        await until(lambda: found.state("switch", "charging"))
        yield found
        assert not station.dead
        await hass.config_entries.async_unload(entry.entry_id)


async def action(chargepoint: Chargepoint, name: str, **data: Any) -> dict[str, Any]:
    """Call an action of the charge point, and return its response."""
    response: Any = await chargepoint.hass.services.async_call(
        DOMAIN,
        name,
        {"entity_id": chargepoint.id("switch", "charging"), **data},
        blocking=True,
        return_response=True,
    )
    (answer,) = response["charge_points"]
    return {key: each for key, each in answer.items() if key not in ("device_id", "name")}


@pytest.mark.parametrize("dialect", ["main", "2026.02", "2025.10"])
async def test_authorize(chargepoint: Chargepoint) -> None:
    await chargepoint.wait_for_state("sensor", "status", "disconnected")
    await chargepoint.point.plug()
    await chargepoint.wait_for_raw_status("AuthRequired")
    assert await action(chargepoint, "authorize", token="CAFE") == {"status": "Accepted"}
    await chargepoint.wait_for_state("sensor", "status", "charging")
    # Another one cannot end that.
    with pytest.raises(HomeAssistantError, match="Rejected"):
        await action(chargepoint, "authorize", token="BEEF")
    assert not chargepoint.point.mistakes


@pytest.mark.parametrize("dialect", ["main", "2026.02", "2025.12"])
async def test_nothing_is_sent_to_newer_releases(chargepoint: Chargepoint) -> None:
    before = len(chargepoint.point.received)
    for name, data in ONLY_FIRST.items():
        if name == "withdraw_authorization":
            # The station's module for authorizations takes this one.
            continue
        with pytest.raises(ServiceValidationError, match=r"2025\.10\.0"):
            await action(chargepoint, name, **data)
    topics = [topic for topic, _ in chargepoint.point.received[before:]]
    assert not [each for each in topics if each.rsplit("/", 1)[1] in ("reserve", "ready")]
    assert not chargepoint.point.mistakes


@pytest.mark.parametrize("dialect", ["2025.10", "page"])
async def test_the_first_release(chargepoint: Chargepoint) -> None:
    await chargepoint.wait_for_state("sensor", "status", "disconnected")
    course = chargepoint.point["carport"].course
    await until(lambda: chargepoint.node._authorization_client._signs)
    assert await action(chargepoint, "reserve", number=7) == {}
    assert await action(chargepoint, "cancel_reservation") == {}
    assert await action(chargepoint, "allow_charging") == {"used": False}
    await chargepoint.point.plug()
    await chargepoint.wait_for_raw_status("AuthRequired")
    await action(chargepoint, "answer_authorization", token="CAFE", status="invalid")
    await chargepoint.wait_for_raw_status("AuthRequired")
    with pytest.raises(HomeAssistantError, match="refused the reservation"):
        # A car is there.
        await action(chargepoint, "reserve", number=8)
    await action(chargepoint, "answer_authorization", token="CAFE", status="accepted")
    await chargepoint.wait_for_state("sensor", "status", "charging")
    assert course.unused is None
    assert not chargepoint.point.mistakes


@pytest.mark.parametrize("dialect", ["2025.10"])
@pytest.mark.parametrize("external_ready", [True])
async def test_a_station_that_waits(chargepoint: Chargepoint) -> None:
    await until(lambda: chargepoint.node._authorization_client._signs)
    assert await action(chargepoint, "allow_charging") == {"used": True}
    await chargepoint.wait_for_state("sensor", "status", "disconnected")


@pytest.mark.parametrize("dialect", ["2025.10"])
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("reserve", {}),
        ("reserve", {"number": -1}),
        ("reserve", {"number": 2**31}),
        ("authorize", {}),
        ("authorize", {"token": "CAFE", "token_type": "ISO14443"}),
        ("answer_authorization", {"token": "CAFE"}),
        ("answer_authorization", {"token": "CAFE", "status": "Accepted"}),
        ("answer_authorization", {"token": "CAFE", "status": "invalid", "shown_by": "me"}),
    ],
)
async def test_what_makes_no_sense(
    chargepoint: Chargepoint, name: str, data: dict[str, Any]
) -> None:
    with pytest.raises(probatio.Invalid):
        await action(chargepoint, name, **data)
