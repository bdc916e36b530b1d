"""What was requested from here: kept over a restart; limits are withdrawn with their entry."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
import logging
from typing import Any, Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .chargepoint import mqtt_hub
from .chargepoint.charge_point import Chargepoint
from .chargepoint.errors import ChargepointError
from .chargepoint.hub import Hub
from .chargepoint.limits.ownership import stored_limits
from .chargepoint.model import Feature
from .chargepoint.stored import DamagedError, Fields, Readers, dict_of, fields, flag
from .const import CONF_PREFIXES, DATA_CLOCK, DOMAIN
from .coordinator import FACTS, FimpConfigEntry, PushCoordinator
from .flow.broker import settings_source
from .flow.options import library_options
from .storage import async_load, report_lost

_LOGGER = logging.getLogger(__name__)

_STORE_VERSION = 1
#: Seconds that changes are collected for.
_SAVE_DELAY = 1.0
#: Seconds that the charge points of a removed entry have to be found, and for how many of
#: these the user has to wait.
_FINDING_TIME = 10.0
_WAITING_TIME = 2.0


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What is kept of a charge point: its limits, and whether they are to be withdrawn.

    `pauses` is what it says only once of its pauses, as the library stores it.
    `unknown_limits` and `unknown` are what a newer version has stored with them.
    """

    limits: Mapping[str, Any]
    withdraw: bool
    pauses: Mapping[str, Any] = field(default_factory=dict)
    unknown_limits: Mapping[str, Any] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)

    def to_storage(self) -> dict[str, Any]:
        """Return what `from_storage` takes, fit for JSON."""
        limits = {**self.unknown_limits, **self.limits}
        return {
            **self.unknown,
            "limits": limits,
            "withdraw": self.withdraw,
            "pauses": dict(self.pauses),
        }

    @classmethod
    def from_storage(cls, data: Any) -> Self:
        """Return what `to_storage` was made of, as far as it can be read.

        Raises:
            DamagedError: there are no limits.

        """
        known, unknown = fields(data, _READERS, required=("limits",))
        limits: Fields = known["limits"]
        return cls(
            limits=limits.known,
            # In doubt they are: those that a charge point has as its own setting stay anyway.
            withdraw=known.get("withdraw", True),
            pauses=known.get("pauses", {}),
            unknown_limits=limits.unknown,
            unknown=unknown,
        )


def _pauses(value: Any) -> dict[str, Any]:
    """Read what the library looks into itself."""
    if not isinstance(value, dict):
        raise DamagedError("not an object")
    return value


_READERS: Readers = {"limits": stored_limits, "withdraw": flag, "pauses": _pauses}
_NOTHING = _Kept(limits={}, withdraw=False)


class KeptLimits:
    """The limits of all charge points, by entry and by the address of the charge point."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Know of none; `async_load` has to follow."""
        self._hass = hass
        self._store: Store[dict[str, Any]] = Store(hass, _STORE_VERSION, f"{DOMAIN}.kept_limits")
        self._kept: dict[str, dict[str, _Kept]] = {}

    async def async_load(self) -> None:
        """Take over those of an earlier run."""
        stored = await async_load(self._hass, self._store, dict)
        with suppress(DamagedError):
            self._kept = dict_of(dict_of(_Kept.from_storage))(stored)
        report_lost("the kept limits", stored, self._data())

    @callback
    def async_watch(self, entry: FimpConfigEntry) -> None:
        """Keep those of an entry, for as long as it is loaded."""
        known = self._kept.setdefault(entry.entry_id, {})
        clock = entry.runtime_data.hub.clock

        @callback
        def found(coordinator: PushCoordinator[Any, Any]) -> None:
            node = coordinator.node
            if not isinstance(node, Chargepoint):
                return
            if (kept := known.get(node.address)) is not None:
                node.limit_ownership.restore(kept.limits, clock.now())
                node.restore_pauses(kept.pauses)

            @callback
            def look() -> None:
                limits: Mapping[str, Any] = node.snapshot.kept
                before = known.get(node.address, _NOTHING)
                # Nothing is known of a pause as long as the charge point is away.
                pauses = before.pauses
                if node.snapshot.status is not None:
                    pauses = node.stored_pauses()
                if limits != before.limits or pauses != before.pauses:
                    known[node.address] = replace(
                        before,
                        limits=dict(limits),
                        withdraw=node.takes_limits_from_outside,
                        pauses=pauses,
                    )
                    self._store.async_delay_save(self._data, _SAVE_DELAY)

            coordinator.async_on_shutdown(coordinator.async_add_listener(look, FACTS))

        entry.async_on_unload(entry.runtime_data.async_for_each_node(found))
        entry.async_on_unload(self._async_save)

    def _data(self) -> dict[str, Any]:
        return {
            entry_id: {address: each.to_storage() for address, each in kept.items()}
            for entry_id, kept in self._kept.items()
        }

    async def _async_save(self) -> None:
        await self._store.async_save(self._data())

    async def async_withdraw(self, entry: ConfigEntry) -> None:
        """Take back what no charge point has as its own setting: an entry is gone."""
        known = self._kept.pop(entry.entry_id, {})
        await self._async_save()
        addresses = [address for address, kept in known.items() if kept.limits and kept.withdraw]
        if not addresses:
            return
        # What takes longer, such as a broker that is not there, goes on without the user.
        task = self._hass.async_create_background_task(
            self._async_withdraw(entry, addresses), f"{DOMAIN} withdrawal"
        )
        await asyncio.wait([task], timeout=_WAITING_TIME)

    async def _async_withdraw(self, entry: ConfigEntry, addresses: list[str]) -> None:
        """Find the charge points once more, and tell them."""
        hub = mqtt_hub(
            settings_source(self._hass, entry.data),
            prefixes=entry.data[CONF_PREFIXES],
            clock=self._hass.data.get(DATA_CLOCK),
            options=library_options(entry.options),
        )
        left = dict.fromkeys(addresses, "it is not there")

        async def withdraw(address: str) -> None:
            try:
                await (await _found(hub, address)).withdraw_limits()
                del left[address]
            except ChargepointError as error:
                left[address] = str(error)

        try:
            async with asyncio.timeout(_FINDING_TIME):
                await hub.start()
                await asyncio.gather(*map(withdraw, addresses))
        except ChargepointError as error:
            left = dict.fromkeys(addresses, str(error))
        except TimeoutError:
            pass
        finally:
            await hub.stop()
        for address, problem in left.items():
            _LOGGER.warning(
                "A limit that was set stays at %s until it is restarted: %s", address, problem
            )


async def _found(hub: Hub, address: str) -> Chargepoint:
    """Return a charge point as soon as it is there and can be limited."""
    changed = asyncio.Event()
    stops = [hub.add_listener(lambda _: changed.set())]
    try:
        while True:
            changed.clear()
            node = hub.nodes.get(address)
            if isinstance(node, Chargepoint):
                if Feature.MAX_CURRENT in node.snapshot.capabilities.controls:
                    return node
                stops.append(node.add_listener(lambda _: changed.set()))
            await changed.wait()
    finally:
        for stop in stops:
            stop()


#: There is one for all of Home Assistant.
DATA_KEPT_LIMITS: HassKey[KeptLimits] = HassKey(f"{DOMAIN}_kept_limits")
