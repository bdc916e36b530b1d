"""Home Assistant with the entry of a Blue Current account, at the simulator of its server."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint.chargepoint.blue_current import account as account_module
from custom_components.fimp_chargepoint.chargepoint.transport import websocket
from custom_components.fimp_chargepoint.const import DATA_CLOCK, DOMAIN
from simulators.blue_current import AccountSetup, BlueCurrentSimulator, ChargepointSetup

from .blue_current import ADDRESS, BACKOFF, GRID, QUICK, CalendarClock
from .waiting import until


def account_entry(
    account: AccountSetup | None = None, *, options: dict[str, Any] | None = None
) -> MockConfigEntry:
    """Return the entry of an account, as the config flow makes it."""
    account = account or AccountSetup()
    return MockConfigEntry(
        domain=DOMAIN,
        title=account.login,
        unique_id=account.customer_id,
        data={
            "hub": "blue_current",
            "api_token": account.api_token,
            "customer_id": account.customer_id,
        },
        options={"measurement_interval": 0, "restart_delay": 0} | (options or {}),
    )


def point_to(monkeypatch: pytest.MonkeyPatch, simulator: BlueCurrentSimulator) -> None:
    """Let all connections that are set up from now on be to `simulator`, and be quick."""
    monkeypatch.setattr(account_module, "URL", simulator.url)
    monkeypatch.setattr(account_module, "_TAKEN_PAUSE", 0.2)
    monkeypatch.setattr(websocket, "_BACKOFF", BACKOFF)
    monkeypatch.setattr(websocket, "_CALENDAR_INTERVAL", 0.05)


class AccountHome:
    """Home Assistant, an account, and what is shown of it."""

    def __init__(
        self, hass: HomeAssistant, simulator: BlueCurrentSimulator, entry: MockConfigEntry
    ) -> None:
        """Bring them together."""
        self.hass = hass
        self.simulator = simulator
        self.entry = entry

    async def load(self) -> None:
        """Set the entry up; it may fail."""
        if self.hass.config_entries.async_get_entry(self.entry.entry_id) is None:
            self.entry.add_to_hass(self.hass)
        await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done()

    def id(self, platform: str, key: str, address: str = ADDRESS) -> str:
        """Return the id of an entity of the charge point or another node, which must exist."""
        unique_id = f"{self.entry.unique_id}_{address}_{key}"
        found = er.async_get(self.hass).async_get_entity_id(platform, DOMAIN, unique_id)
        assert found is not None, f"no {platform} {key} of {address}"
        return found

    def shown(self, platform: str, key: str, address: str = ADDRESS) -> State:
        """Return what an entity shows."""
        state = self.hass.states.get(self.id(platform, key, address))
        assert state is not None
        return state

    def state(self, platform: str, key: str, address: str = ADDRESS) -> str | None:
        """Return the state of an entity, None if it is not there (yet)."""
        unique_id = f"{self.entry.unique_id}_{address}_{key}"
        found = er.async_get(self.hass).async_get_entity_id(platform, DOMAIN, unique_id)
        state = None if found is None else self.hass.states.get(found)
        return None if state is None else state.state

    async def wait_for_state(
        self, platform: str, key: str, expected: str | None, address: str = ADDRESS
    ) -> None:
        """Wait until an entity has a state."""
        what = f"{platform} {key} of {address} to be {expected}"
        await until(lambda: self.state(platform, key, address) == expected, what)

    async def call(self, platform: str, action: str, key: str, **data: object) -> None:
        """Call an action on an entity of the charge point, and wait for its end."""
        await self.hass.services.async_call(
            platform, action, {"entity_id": self.id(platform, key), **data}, blocking=True
        )

    @property
    def clock(self) -> CalendarClock:
        """The clock of all hubs, whose calendar can be set."""
        clock = self.hass.data[DATA_CLOCK]
        assert isinstance(clock, CalendarClock)
        return clock

    def device(self, address: str = ADDRESS) -> dr.DeviceEntry:
        """Return the device of a node."""
        return self._device(f"{self.entry.unique_id}_{address}")

    @property
    def hub_device(self) -> dr.DeviceEntry:
        """The device of the account."""
        return self._device(str(self.entry.unique_id))

    def _device(self, identifier: str) -> dr.DeviceEntry:
        found = dr.async_get(self.hass).async_get_device_by_identifier(
            (DOMAIN, identifier), self.entry.entry_id
        )
        assert found is not None, f"no device {identifier}"
        return found

    async def settles(self) -> None:
        """Wait until the charge point and the grid connection are there, without a car."""
        await self.wait_for_state("sensor", "status", "disconnected")
        await until(lambda: GRID in self.entry.runtime_data.hub.nodes)
        await self.hass.async_block_till_done()


@asynccontextmanager
async def account_home(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    *setups: ChargepointSetup,
    account: AccountSetup | None = None,
    options: dict[str, Any] | None = None,
    load: bool = True,
) -> AsyncGenerator[AccountHome]:
    """Simulate an account, and let Home Assistant connect to it if `load`."""
    hass.data.setdefault(DATA_CLOCK, CalendarClock())
    async with BlueCurrentSimulator(*setups, account=account, timing=QUICK) as simulator:
        point_to(monkeypatch, simulator)
        home = AccountHome(hass, simulator, account_entry(account, options=options))
        if load:
            await home.load()
            await home.settles()
        yield home
        if home.entry.state.recoverable and hass.config_entries.async_get_entry(
            home.entry.entry_id
        ):
            await hass.config_entries.async_unload(home.entry.entry_id)
