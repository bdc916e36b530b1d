"""The definition of a command: its action, its requirements, and its refusals."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .message import Request

if TYPE_CHECKING:
    from .chargepoint import FimpChargepoint

# The type of a value in messages, in JSON and in Go.
TYPES: dict[str, tuple[type, str]] = {
    "int": (int, "int64"),
    "bool": (bool, "bool"),
    "string": (str, "string"),
    "object": (dict, "object"),
}

# Cliffhanger's error is the same if a whole feature is missing or only its setter, except for the
# cable lock.
_LACKING = {
    "max_current": "adjusting max current is not supported",
    "offered_current": "adjusting offered current is not supported",
    "phase_mode": "adjusting phase modes is not supported",
    "phase_mode.set": "adjusting phase modes is not supported",
    "cable_lock": "aware cable lock is not supported",
    "cable_lock.set": "adjusting cable lock is not supported",
}

type Act = Callable[[FimpChargepoint, Request], None]


class RefusedError(Exception):
    """The service refuses a command; the text ends up in ``evt.error.report``."""


class DeviceRefusedError(RefusedError):
    """The charge point behind the service refuses a command."""


class WrongFormatError(RefusedError):
    """The value of a command is invalid."""


class IgnoredError(Exception):
    """The message is dropped without an answer."""


@dataclass(frozen=True)
class Command:
    """One command: its action, its requirements, and the text of its failure."""

    act: Act
    failing: str
    device: str = ""
    """How a refusal of the charge point itself begins; ``{val}`` is the value."""
    needs: tuple[str, ...] = ()
    takes: str = ""
    noun: str = ""
    changes: bool = False
    """Whether it changes anything, so that a charge point can refuse it."""
    reported: str = ""
    """The report that is sent afterwards, which can fail although the command did not."""


def checked(point: FimpChargepoint, command: Command, request: Request) -> Request:
    """Check whether a command can be carried out at all."""
    if command.takes:
        request = _typed(point, command, request)
    for feature in command.needs:
        if not point.profile.has(feature):
            raise RefusedError(_LACKING[feature])
    known = point.live if command.changes else point.linked
    if not known and not (command.reported and point.cloud_accepts):
        raise DeviceRefusedError(point.offline_reason)
    if command.changes and point.refusal:
        raise DeviceRefusedError(point.refusal)
    return request


def _typed(point: FimpChargepoint, command: Command, request: Request) -> Request:
    """Check the value of a command like Go does."""
    expected, name = TYPES[command.takes]
    if request.val_t != command.takes:
        value = request.val
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        raise WrongFormatError(
            f"provided {command.noun} value has an incorrect format: "
            f"wrong value type. expected {name}, got {value}"
        )
    if type(request.val) is expected:
        return request
    if expected is int and not point.adapter.habits.drops_fractions:
        return replace(request, val=0)
    raise IgnoredError
