"""The modules beside an EVSE's: the errors of the station, and limits from outside.

EVerest API v1: error_history_consumer, external_energy_limits_consumer. Nothing on the
wire says which EVSE they belong to; `discovery` links them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, override

from ..commands import Request
from ..node import Outlet
from ..options import Token
from ..protocol import Handler
from . import limits
from .envelope import error_name, mapping, part, text
from .limits import Limits
from .module import Kind, Module
from .pulse import is_beat

#: Errors that are kept; a station has a handful.
_ERRORS_MAX: Final = 100


class Sister:
    """A module beside an EVSE's: what it says, and what it can be asked."""

    #: The variables that prove such a module, with a key they hold.
    PROOFS: ClassVar[Mapping[str, str]] = {}

    def __init__(self, module: Module, outlet: Outlet) -> None:
        """Speak to `module` through `outlet`."""
        self.module = module
        self._outlet = outlet

    @classmethod
    def proves(cls, variable: str, value: Any) -> bool:
        """Whether only such a module says so; nonsense must make none."""
        if variable == "heartbeat":
            return is_beat(value)
        key = cls.PROOFS.get(variable)
        return key is not None and isinstance(value, dict) and key in value

    def ask(self, now: float) -> None:
        """Ask for everything: nothing is retained."""

    def apply(self, variable: str, value: Any, now: float) -> None:
        """Take the `value` of a variable."""

    def reply_handler(self, request_id: str) -> Handler | None:
        """Return what handles the reply to a request, None where it is not ours."""
        return self.module.reply_handler(request_id, self._replied)

    def _replied(self, request_id: str, operation: str, value: Any, now: float) -> None:
        """Take the reply to a request."""

    def _send(self, request: Request) -> None:
        self._outlet.send(request.topic, request.payload)


class ErrorHistory(Sister):
    """The errors that are active on the station, by uuid."""

    PROOFS: ClassVar = {"error_raised": "uuid", "error_cleared": "uuid"}

    def __init__(self, module: Module, outlet: Outlet) -> None:
        """Know of no error yet."""
        super().__init__(module, outlet)
        self._active: dict[str, str] = {}
        #: Whether an error was raised or cleared after the list was asked for.
        self._overtaken = False
        #: Who is told of the names of all active errors.
        self.listener: Callable[[frozenset[str], float], None] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The names of all active errors."""
        return frozenset(self._active.values())

    def forget(self) -> None:
        """Nobody listened for a while, or the station started anew."""
        self._active.clear()
        self.module.clear()

    @override
    def ask(self, now: float) -> None:
        """Ask for the active errors."""
        self._overtaken = False
        self._send(self.module.request("active_errors", now))

    @override
    def apply(self, variable: str, value: Any, now: float) -> None:
        """Take an error that was raised or cleared."""
        if variable not in ("error_raised", "error_cleared"):
            return
        error = mapping(value)
        uuid, name = text(error.get("uuid")), error_name(error)
        if uuid is None:
            return
        self._overtaken = True
        if variable == "error_cleared":
            self._active.pop(uuid, None)
        elif name is not None and len(self._active) < _ERRORS_MAX:
            self._active[uuid] = name
        self._tell(now)

    @override
    def _replied(self, request_id: str, operation: str, value: Any, now: float) -> None:
        """Take the list of all active errors."""
        errors = mapping(value).get("errors")
        if not isinstance(errors, list):
            return
        if self._overtaken:
            # The list may be of before that.
            self.ask(now)
            return
        self._active = {
            uuid: name
            for each in errors[:_ERRORS_MAX]
            if isinstance(each, dict)
            and (uuid := text(each.get("uuid"))) is not None
            and (name := error_name(each)) is not None
        }
        self._tell(now)

    def _tell(self, now: float) -> None:
        if self.listener is not None:
            self.listener(self.names, now)


class EnergyLimits(Sister):
    """The limits that we ask for."""

    PROOFS: ClassVar = {
        "capabilities": "nominal_voltage_V",
        "enforced_limits": "limits_root_side",
    }

    def request(self, wanted: Limits, now: float) -> Request:
        """Return the message that replaces what we asked for before; it has no reply."""
        return self.module.message("set_external_limits", limits.command(wanted, now))


class TokenProvider(Sister):
    """A reader that we hold a token to."""

    def request(self, token: Token) -> Request:
        """Return the message that shows `token`; it has no reply."""
        value = {
            "id_token": {"value": token.value, "type": token.kind},
            "authorization_type": "RFID",
        }
        return self.module.message("provided_token", value)


class Authorization(Sister):
    """What the station thinks of tokens."""

    PROOFS: ClassVar = {"token_validation_status": "token"}

    def __init__(self, module: Module, outlet: Outlet) -> None:
        """Tell nobody yet."""
        super().__init__(module, outlet)
        #: Who is told of the value of a token, and what the station says of it.
        self.listener: Callable[[str, str], None] | None = None

    @override
    def apply(self, variable: str, value: Any, now: float) -> None:
        """Take what the station thinks of a token."""
        if variable != "token_validation_status" or self.listener is None:
            return
        told = mapping(value)
        shown = text(part(part(told, "token"), "id_token").get("value"))
        status = text(told.get("status"))
        if shown is not None and status is not None:
            self.listener(shown, status)


#: What is made of a module of each kind.
SISTERS: Final[dict[Kind, type[Sister]]] = {
    Kind.ERRORS: ErrorHistory,
    Kind.LIMITS: EnergyLimits,
    Kind.TOKENS: TokenProvider,
    Kind.AUTHORIZATION: Authorization,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sisters:
    """The modules that belong to one EVSE, as far as that is known."""

    errors: ErrorHistory | None = None
    limits: EnergyLimits | None = None
    tokens: TokenProvider | None = None
    authorization: Authorization | None = None
