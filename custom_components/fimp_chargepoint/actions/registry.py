"""What an action is: fields, who can be the target, and what is done to each."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.core import SupportsResponse
from homeassistant.helpers.typing import VolDictType

from ..chargepoint.model import ChargepointSnapshot, NodeSnapshot
from ..coordinator import AnyCoordinator

#: What an action is called with, which its fields have made sure of, and what it returns.
type Data = Mapping[str, Any]
type Answer = dict[str, Any]
#: One for nodes of whatever kind.
type AnyAction = Action[Any]


@dataclass(frozen=True, kw_only=True)
class Action[C: AnyCoordinator]:
    """What is done to each node of a target, which are all of one `kind`.

    `check` raises the library's errors where it is impossible; `run` does it, and returns what
    there is to say about that node; the response is a list of that, called `answers`. `live`
    is whether it has to be there.
    """

    fields: VolDictType
    run: Callable[[C, Data], Awaitable[Answer]]
    check: Callable[[C, Data], None] = lambda *_: None
    live: bool = True
    response: SupportsResponse = SupportsResponse.OPTIONAL
    kind: type[NodeSnapshot] = ChargepointSnapshot
    answers: str = "charge_points"
