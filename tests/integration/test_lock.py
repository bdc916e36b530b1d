"""The cable lock."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess

from .conftest import Chargepoint, find, load, other_broker, simulator


async def test_lock_and_unlock(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The action returns when the charge point has confirmed it."""
    await chargepoint.wait_for_state("lock", "cable", "unlocked")
    await chargepoint.call("lock", "lock", "cable")
    assert chargepoint.state("lock", "cable") == "locked"
    await chargepoint.call("lock", "unlock", "cable")
    assert chargepoint.state("lock", "cable") == "unlocked"
    # A charge point locks automatically when a car is plugged in.
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("lock", "cable", "locked")


@pytest.mark.parametrize(
    ("first", "action", "meanwhile", "after"),
    [
        ("unlock", "lock", "locking", "unlocked"),
        ("lock", "unlock", "unlocking", "locked"),
    ],
)
async def test_on_its_way(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    first: str,
    action: str,
    meanwhile: str,
    after: str,
) -> None:
    """A lock that does not move is shown as moving, and then in its former position."""
    await chargepoint.call("lock", first, "cable")
    (node,) = chargepoint.entry.runtime_data.hub.nodes.values()
    node._commands._timeout = 1.0
    await chargepoint.point.silence()
    call = hass.async_create_task(chargepoint.call("lock", action, "cable"))
    await chargepoint.wait_for_state("lock", "cable", meanwhile)
    with pytest.raises(HomeAssistantError) as caught:
        await call
    assert caught.value.translation_key == "command_timeout"
    assert chargepoint.state("lock", "cable") == after


async def test_refused(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await chargepoint.wait_for_state("lock", "cable", "unlocked")
    await chargepoint.point.refuse("the bolt is stuck")
    with pytest.raises(HomeAssistantError, match="the bolt is stuck"):
        await chargepoint.call("lock", "lock", "cable")
    assert chargepoint.state("lock", "cable") == "unlocked"


async def test_broker_goes_and_comes_back(
    hass: HomeAssistant, chargepoint: Chargepoint, broker: BrokerProcess
) -> None:
    await chargepoint.call("lock", "lock", "cable")
    await hass.async_add_executor_job(broker.stop)
    await chargepoint.wait_for_state("lock", "cable", "unavailable")
    await hass.async_add_executor_job(broker.start)
    await chargepoint.wait_for_state("lock", "cable", "locked")


async def test_only_where_it_can_be_told(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with simulator(broker, ChargepointSetup(profile="minimal")) as point:
        entry = await load(hass, other_broker(broker))
        await Chargepoint(hass, point, entry).wait_for_state("sensor", "status", "disconnected")
        assert find(hass, "lock", "cable") is None
        await hass.config_entries.async_unload(entry.entry_id)
