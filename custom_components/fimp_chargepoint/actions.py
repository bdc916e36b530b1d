"""What an action is: fields, who can be the target, and what is done to each."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.core import SupportsResponse
from homeassistant.helpers.typing import VolDictType

from .chargepoint.model import ChargepointSnapshot, NodeSnapshot
from .coordinator import PushCoordinator

type Data = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Action[C: PushCoordinator[Any, Any]]:
    """What is done to each node of a target, which are all of one `kind`.

    `check` raises the library's errors where it is impossible; `run` does it, and returns what
    there is to say about that node; the response is a list of that, called `answers`. `live`
    is whether it has to be there.
    """

    fields: VolDictType
    run: Callable[[C, Data], Awaitable[dict[str, Any]]]
    check: Callable[[C, Data], None] = lambda *_: None
    live: bool = True
    response: SupportsResponse = SupportsResponse.OPTIONAL
    kind: type[NodeSnapshot] = ChargepointSnapshot
    answers: str = "charge_points"
