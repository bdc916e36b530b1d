"""What a report is: a message in, and what it means for the snapshot out. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..errors import ProtocolError
from ..model import ChargepointSnapshot, Feature
from .message import NUMBER_MAX, Message


class Reading(NamedTuple):
    """What a report means.

    `changes` are new values of the snapshot's fields. `seen` is what can evidently be
    reported, whatever the list of interfaces says. `report` is the name by which a
    command may wait for this report. `live` is False for what an adapter may say by
    heart, without its charge point.
    """

    changes: dict[str, Any]
    seen: frozenset[Feature] = frozenset()
    report: str = ""
    live: bool = True


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
    """Return `value`, which must be of `kind`.

    JSON does not tell 16 from 16.0, so either will do; but a bool is no number.

    Raises:
        ProtocolError: of kind `value`, naming `what`; also for a number that cannot be.

    """
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(value, what)
    if isinstance(value, int | float) and not abs(value) <= NUMBER_MAX:
        raise _wrong(value, what)
    return value


def _wrong(value: Any, what: str) -> ProtocolError:
    return ProtocolError("value", f"{what}: {value!r:.80}")


def amperes(value: float, what: str) -> float:
    """Return a current that can be.

    Raises:
        ProtocolError: of kind `value`, naming `what`.

    """
    if not 0 <= value <= _AMPERES_MAX:
        raise ProtocolError("value", f"{what}: {value:g} A")
    return value


#: More than any charge point has; what is more is an accident.
_AMPERES_MAX = 1000.0
