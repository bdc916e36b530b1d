"""What a report is: a message in, and what it means for the snapshot out. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..errors import ProtocolError
from ..model import ChargepointSnapshot, Feature
from .message import Message


class Reading(NamedTuple):
    """What a report means.

    `changes` are new values of the snapshot's fields. `seen` is what can evidently be
    reported, whatever the list of interfaces says. `evidence` is the name by which a
    command may wait for this report.
    """

    changes: dict[str, Any]
    seen: frozenset[Feature] = frozenset()
    evidence: str = ""


#: Reads a report of a charge point that is known as the snapshot says.
#: Raises a ProtocolError where it makes no sense.
type Reader = Callable[[ChargepointSnapshot, Message], Reading]
type Readers = Mapping[str, Reader]


def expect[T](message: Message, kind: type[T]) -> T:
    """Return the value of a report, which must be of `kind`.

    Raises:
        ProtocolError: of kind `value`.

    """
    return expected(message.value, kind, message.type)


def expected[T](value: Any, kind: type[T], what: str) -> T:
    """Return `value`, which must be of `kind`; an int is a float, a bool is no number.

    Raises:
        ProtocolError: of kind `value`, naming `what`.

    """
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise ProtocolError("value", f"{what}: {value!r:.80}")
    return value


def amperes(value: float, what: str) -> float:
    """Return a current that can be.

    Raises:
        ProtocolError: of kind `value`, naming `what`.

    """
    if not 0 <= value <= _CURRENT_MAX:
        raise ProtocolError("value", f"{what}: {value:g} A")
    return value


_CURRENT_MAX = 1000.0
