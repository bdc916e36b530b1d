"""What an action is: its fields, its targets, and what it does to each of them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.core import SupportsResponse
from homeassistant.helpers.typing import VolDictType

from ..chargepoint.model import ChargepointSnapshot, NodeSnapshot
from ..coordinator import AnyCoordinator

#: What an action is called with, as validated by its fields, and what it returns.
type Data = Mapping[str, Any]
type Answer = dict[str, Any]
#: An action for nodes of any kind.
type AnyAction = Action[Any]


@dataclass(frozen=True, kw_only=True)
class Action[C: AnyCoordinator]:
    """What is done to each node of a target, which are all of one `kind`.

    `check` raises the library's errors if the action is impossible. `run` returns the part of
    the response for that node; the response is a list of these, called `answers`. If `live`,
    the node must be available.
    """

    fields: VolDictType
    run: Callable[[C, Data], Awaitable[Answer]]
    check: Callable[[C, Data], None] = lambda *_: None
    live: bool = True
    response: SupportsResponse = SupportsResponse.OPTIONAL
    kind: type[NodeSnapshot] = ChargepointSnapshot
    answers: str = "charge_points"
