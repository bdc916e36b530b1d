"""Charge points with a failsafe, and what their simulators allow."""

from contextlib import AsyncExitStack
import socket
from typing import Any

from homeassistant.core import HomeAssistant

from custom_components.fimp_chargepoint.chargepoint.failsafe import FailsafeGuard
from simulators.everest import EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, Chargepoint, load, other_broker, simulator, until

#: The address of the charge point, and the commands that limit it, by protocol.
ADDRESSES = {
    "fimp": "fimp:easee/1/1",
    "everest": "everest:evse_manager_api",
    "legacy": "everest_legacy:connector_1",
}


class Guarded(Chargepoint):
    """A charge point with a safe current, and what its simulator offers the car."""

    @property
    def guard(self) -> FailsafeGuard:
        (guard,) = self.entry.runtime_data.hub._guards.values()
        return guard

    @property
    def registered(self) -> float | None:  # type: ignore[override]
        """The current in A that the broker would limit it to now."""
        for guard in self.entry.runtime_data.hub._guards.values():
            if guard._is_guarded and guard._registered is not None:
                return guard._registered.current
        return None

    @property
    def limit(self) -> float:
        """The current in A that the charge point allows."""
        (point,) = self.point.points.values()
        found = point.max_current if hasattr(point, "max_current") else point.energy.current
        return float(found)

    @property
    def commands(self) -> list[str]:
        """The payloads of all limits that it has received."""
        names = ("cmd.max_current.set", "set_external_limits", "set_limit_amps")
        received = [
            each for each in self.point.received if any(name in str(each) for name in names)
        ]
        return [payload for _, payload in received]

    async def cut(self) -> None:
        """End the connection of the failsafe without a farewell."""
        await until(lambda: self.registered is not None, "anything to be registered")
        client = self.guard._transport._client
        assert client is not None
        client._client.socket().shutdown(socket.SHUT_RDWR)

    async def limits_to(self, current: float) -> None:
        await until(lambda: self.limit == current, f"{self.limit} A to become {current} A")

    async def registers(self, current: float | None) -> None:
        await until(lambda: self.registered == current, f"{current} A to be registered")


async def guarded(
    stack: AsyncExitStack,
    hass: HomeAssistant,
    broker: BrokerProcess,
    protocol: str,
    *,
    user: str | None = None,
    **options: Any,
) -> Guarded:
    """Simulate a charge point with a safe current of 10 A, and let Home Assistant find it."""
    if protocol == "fimp":
        point: Any = simulator(broker, ChargepointSetup(profile="full"))
    else:
        point = EverestSimulator(
            Broker(broker.host, broker.port),
            EvseSetup(limits="limits_api", max_current=32.0),
            dialect="legacy" if protocol == "legacy" else "main",
            timing=QUICK,
        )
    await stack.enter_async_context(point)
    safe = {ADDRESSES[protocol]: 10}
    data = {} if user is None else {"username": user}
    options = {"safe_currents": safe, **options}
    entry = await load(hass, other_broker(broker, options=options, **data))
    stack.push_async_callback(hass.config_entries.async_unload, entry.entry_id)
    found = Guarded(hass, point, entry)
    if protocol == "fimp":
        await found.comes()
    await until(lambda: entry.runtime_data.hub._guards, "the guard")
    await until(lambda: found.state("number", "max_current") not in (None, "unknown"))
    await found.registers(10)
    return found


async def set_limit(point: Guarded, current: float) -> None:
    await point.call("number", "set_value", "max_current", value=current)
