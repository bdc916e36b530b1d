"""A Home Assistant in this process, with only this integration."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import AsyncMock, patch

from homeassistant import bootstrap, loader
from homeassistant.config_entries import SOURCE_USER, ConfigEntries, ConfigEntry
from homeassistant.core import CoreState, HomeAssistant, State
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity

from custom_components.fimp_chargepoint.chargepoint import load_blue_current
from custom_components.fimp_chargepoint.chargepoint.scheduler import Clock
from custom_components.fimp_chargepoint.const import DATA_CLOCK, DOMAIN

from .broker import HOST
from .flow import CLOSING_PAGES, broker_form


@asynccontextmanager
async def headless(
    *, clock: Clock | None = None, all_entities: bool = False
) -> AsyncIterator[HomeAssistant]:
    """Run a minimal Home Assistant with a temporary configuration.

    `clock` replaces the clock of all hubs. `all_entities` enables entities that are disabled by
    default.
    """
    with TemporaryDirectory() as folder:
        hass = HomeAssistant(folder)
        hass.config.skip_pip = True
        loader.async_setup(hass)
        hass.config_entries = ConfigEntries(hass, {})
        await bootstrap.async_load_base_functionality(hass)
        if clock is not None:
            hass.data[DATA_CLOCK] = clock
        hass.set_state(CoreState.running)
        with _entities_enabled() if all_entities else nullcontext():
            try:
                yield hass
            finally:
                await hass.async_stop(force=True)


async def add_integration(
    hass: HomeAssistant,
    port: int,
    *,
    prefixes: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> ConfigEntry:
    """Add the integration with its config flow, for a broker on this machine.

    Raises:
        RuntimeError: the flow did not create a config entry.

    """
    flow = hass.config_entries.flow
    result: Any = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    while result["type"] is not FlowResultType.CREATE_ENTRY:
        answer: dict[str, Any] | None = {}
        match result["type"]:
            case FlowResultType.SHOW_PROGRESS | FlowResultType.SHOW_PROGRESS_DONE:
                await asyncio.sleep(0.05)
                answer = None
            case FlowResultType.MENU:
                answer = {"next_step_id": "broker"}
            case FlowResultType.FORM if result["step_id"] == "broker" and not result["errors"]:
                answer = broker_form(HOST, port, prefixes=prefixes)
            case FlowResultType.FORM if result["step_id"] in CLOSING_PAGES:
                pass
            case _:
                message = f"the config flow ended at {result}"
                raise RuntimeError(message)
        result = await flow.async_configure(result["flow_id"], answer)
    return await _with_options(hass, result["result"], options)


async def add_account(
    hass: HomeAssistant, *, options: Mapping[str, Any] | None = None
) -> ConfigEntry:
    """Add the integration for a Blue Current account, of which nothing is looked up."""
    owner = AsyncMock(return_value=("customer", "account", ()))
    hub = await hass.async_add_executor_job(load_blue_current)
    with patch.object(hub, "look_up", owner):
        flow = hass.config_entries.flow
        result: Any = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        for answer in ({"next_step_id": "blue_current"}, {"api_token": "token"}, {}):
            result = await flow.async_configure(result["flow_id"], answer)
    return await _with_options(hass, result["result"], options)


async def _with_options(
    hass: HomeAssistant, entry: ConfigEntry, options: Mapping[str, Any] | None
) -> ConfigEntry:
    if options:
        hass.config_entries.async_update_entry(entry, options=dict(options))
        await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    return entry


def integration_states(hass: HomeAssistant) -> dict[str, State]:
    """Return the states of all entities of the integration, by entity id.

    Without those of the hubs themselves: what they are connected to is not part of a recording.
    """
    hubs = {f"{each.unique_id}_connection" for each in hass.config_entries.async_entries(DOMAIN)}
    return {
        entry.entity_id: state
        for entry in sorted(er.async_get(hass).entities.values(), key=lambda entry: entry.entity_id)
        if entry.platform == DOMAIN
        and entry.unique_id not in hubs
        and (state := hass.states.get(entry.entity_id)) is not None
    }


@contextmanager
def _entities_enabled() -> Iterator[None]:
    """Enable all new entities."""
    default = Entity.entity_registry_enabled_default
    Entity.entity_registry_enabled_default = True  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        Entity.entity_registry_enabled_default = default  # type: ignore[method-assign]
