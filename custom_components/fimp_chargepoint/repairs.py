"""Issues that the user can have solved with a click."""

from typing import Any, override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.core import HomeAssistant

from .moves import async_move


class MoveFlow(ConfirmRepairFlow):
    """Move the history of a charge point to its new address."""

    def __init__(self, move: dict[str, Any]) -> None:
        """Remember what moves where."""
        self._move = move

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Move, once the user has agreed."""
        if user_input is not None:
            await async_move(self.hass, self._move)
        return await super().async_step_confirm(user_input)


async def async_create_fix_flow(
    _: HomeAssistant, __: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return what solves an issue."""
    return MoveFlow(dict(data or {}))
