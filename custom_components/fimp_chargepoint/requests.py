"""Requests for each charge point survive a restart; limits are withdrawn at the end.

Otherwise a limit from outside would stay until the station restarts if its entry is removed.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
import logging

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .chargepoint import Chargepoint, DamagedError, Hub, StoredRequests
from .chargepoint.errors import ChargepointError
from .chargepoint.model import Feature
from .const import DOMAIN
from .coordinator import LAST, AnyCoordinator, FimpConfigEntry
from .flow.options import library_options
from .hubs import async_make_hub
from .storage import SAVE_SOON, Storage, report_lost

_LOGGER = logging.getLogger(__name__)

#: Seconds to find the charge points of a removed entry, and seconds that the user waits.
_FINDING_TIME = 10.0
_WAITING_TIME = 2.0


@callback
def async_restore_requests(_: HomeAssistant, entry: FimpConfigEntry) -> None:
    """Restore and store the requests of each charge point while the entry is loaded."""
    records = entry.runtime_data.storage.requests

    @callback
    def found(coordinator: AnyCoordinator) -> None:
        node = coordinator.node
        if not isinstance(node, Chargepoint):
            return
        if (stored := records.get(node.address)) is not None:
            with suppress(DamagedError):
                requests = StoredRequests.from_storage(stored)
                report_lost(f"the requests of {node.address}", stored, requests.to_storage())
                node.restore(requests)
        saved = node.to_storage()

        def data() -> dict[str, object]:
            """Return the data to store; if that fails, what was stored before."""
            found = node.host.internal_errors.ask(node.to_storage)
            return saved if found is None else found

        @callback
        def save() -> None:
            nonlocal saved
            if (now := node.to_storage()) != saved:
                saved = now
                records.save(SAVE_SOON)

        records.watch(node.address, data)
        coordinator.async_on_shutdown(lambda: records.leave(node.address))
        coordinator.async_on_shutdown(coordinator.async_add_listener(save, LAST))

    entry.async_on_unload(entry.runtime_data.async_for_each_node(found))


async def async_withdraw_limits(hass: HomeAssistant, entry: ConfigEntry, storage: Storage) -> None:
    """Withdraw limits that are not settings of the charge points: their entry is removed."""
    addresses: list[str] = []
    for address, stored in storage.requests:
        with suppress(DamagedError):
            if StoredRequests.from_storage(stored).has_limits_to_withdraw:
                addresses.append(address)
    if not addresses:
        return
    # If it takes longer, for example because the broker is down, it continues in the background.
    task = hass.async_create_background_task(
        _async_withdraw(hass, entry, addresses), f"{DOMAIN} withdrawal"
    )
    await asyncio.wait([task], timeout=_WAITING_TIME)


async def _async_withdraw(hass: HomeAssistant, entry: ConfigEntry, addresses: list[str]) -> None:
    """Find the charge points once more, and withdraw their limits."""
    # The monitoring was just disabled; it must not be enabled again.
    options = replace(library_options(entry.options), communication_check=False)
    hub = await async_make_hub(hass, entry.data, options, addresses)
    left = dict.fromkeys(addresses, "it is not there")

    async def withdraw(address: str) -> None:
        try:
            await (await _found(hub, address)).withdraw_limits()
            del left[address]
        except ChargepointError as error:
            left[address] = str(error)
        except Exception as error:  # noqa: BLE001 - it must not cost the others
            hub.internal_errors.report(error, address)

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
        _LOGGER.warning("The limit of %s stays until it is restarted: %s", address, problem)


async def _found(hub: Hub, address: str) -> Chargepoint:
    """Return a charge point as soon as it is available and can be limited."""
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
