"""The fixes of the repair issues, as Home Assistant asks for them."""

from typing import override

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .repair_issues.table import ISSUES
from .repair_issues.watcher import ENTRY_ID, Fix, IssueData


class FixFlow(ConfirmRepairFlow):
    """Fix an issue once the user has agreed."""

    def __init__(self, fix: Fix, issue: IssueData) -> None:
        """Use a `fix` with the data of the issue."""
        self._fix = fix
        self._issue = issue

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask, then act."""
        entry = self.hass.config_entries.async_get_entry(str(self._issue[ENTRY_ID]))
        if user_input is None or entry is None:
            return await super().async_step_confirm(user_input)
        next_flow = await self._fix(self.hass, entry, self._issue)
        return self.async_create_entry(data={}, next_flow=next_flow)


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow that fixes an issue."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    issue_type = None if issue is None else ISSUES.get(issue.translation_key or "")
    if data is None or issue_type is None or issue_type.fix is None:
        return ConfirmRepairFlow()
    return FixFlow(issue_type.fix, data)
