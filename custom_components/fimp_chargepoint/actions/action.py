"""What an action is: its fields, its targets, and what it does to each of them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import VolDictType
from homeassistant.util import dt as dt_util
import probatio

from ..chargepoint.model import ChargepointSnapshot, NodeSnapshot
from ..coordinator import AnyCoordinator

#: What an action is called with, as validated by its fields, and what it returns.
type Data = Mapping[str, Any]
type Answer = dict[str, Any]
#: An action for nodes of any kind.
type AnyAction = Action[Any]


@dataclass(frozen=True, kw_only=True)
class Action[C: AnyCoordinator]:
    """An action on each node of a target; all nodes are of one `kind`.

    `check` raises the library's errors if the action is impossible. `run` returns the part of
    the response for that node; the response is a list of these, called `answers`. If `live`,
    the node must be available. Otherwise it need not have been found since the start: then `absent`
    is its part of the response, None if that is an error. `prepare` returns what `run` gets for
    each node, if that depends on the other nodes.
    """

    fields: VolDictType
    run: Callable[[C, Data], Awaitable[Answer]]
    prepare: Callable[[Sequence[C], Data], Sequence[Data]] = lambda nodes, data: [data] * len(nodes)
    check: Callable[[C, Data], None] = lambda *_: None
    live: bool = True
    absent: Answer | None = None
    response: SupportsResponse = SupportsResponse.OPTIONAL
    kind: type[NodeSnapshot] = ChargepointSnapshot
    answers: str = "charge_points"


def moment(value: object) -> datetime:
    """Return a date and time, which need not have a time zone, in UTC."""
    try:
        return dt_util.as_utc(cv.datetime(value))
    except OverflowError:
        raise probatio.Invalid("a later date was expected") from None
