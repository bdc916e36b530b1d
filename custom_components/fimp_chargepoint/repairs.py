"""Issues that the user can have solved with a click."""

from collections.abc import Awaitable, Callable
from typing import Any, override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    FlowType,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryState
from homeassistant.core import HomeAssistant

from .const import DOMAIN
from .coordinator import FimpConfigEntry
from .repair_issues.issues import ENTRY_ID
from .repair_issues.readded import async_move
from .repair_issues.silent_charge_points import async_remove_silent

type Act = Callable[[HomeAssistant, dict[str, Any]], Awaitable[None]]


class ActFlow(ConfirmRepairFlow):
    """Do something, once the user has agreed."""

    def __init__(self, act: Act, issue: dict[str, Any]) -> None:
        """Remember what to do, and the data of the issue that is about."""
        self._act = act
        self._issue = issue

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask, then act."""
        if user_input is not None:
            await self._act(self.hass, self._issue)
        return await super().async_step_confirm(user_input)


class ReconfigureFlow(ConfirmRepairFlow):
    """Open the settings of a connection."""

    def __init__(self, issue: dict[str, Any]) -> None:
        """Remember which."""
        self._entry_id = str(issue[ENTRY_ID])

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Say what to look at, then go there."""
        if user_input is None:
            return await super().async_step_confirm()
        flow = await self.hass.config_entries.flow.async_init(
            DOMAIN, context={"source": SOURCE_RECONFIGURE, "entry_id": self._entry_id}
        )
        return self.async_create_entry(data={}, next_flow=(FlowType.CONFIG_FLOW, flow["flow_id"]))


async def _async_add_new(hass: HomeAssistant, issue: dict[str, Any]) -> None:
    """Let in all new charge points that wait."""
    entry: FimpConfigEntry | None
    entry = hass.config_entries.async_get_entry(str(issue[ENTRY_ID]))
    if entry is not None and entry.state is ConfigEntryState.LOADED:
        entry.runtime_data.hub.admission.admit_all()


async def async_create_fix_flow(
    _: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return what solves an issue; some are solved elsewhere, and only closed here."""
    issue = dict(data or {})
    match issue_id.split("_"):
        case "moved", *_:
            return ActFlow(async_move, issue)
        case "silent", *_:
            return ActFlow(async_remove_silent, issue)
        case "new", *_:
            return ActFlow(_async_add_new, issue)
        case "broker", *_:
            return ReconfigureFlow(issue)
    return ConfirmRepairFlow()
