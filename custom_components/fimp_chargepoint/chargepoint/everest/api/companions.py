"""The modules beside an EVSE's, by their kind.

Nothing on the wire says which EVSE they belong to; `discovery` links them.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from ...commands.command import Request
from .. import limits
from ..limits import Limits
from ..module import Kind
from .companion import CompanionModule
from .costs import SessionCosts
from .errors import ErrorHistory
from .tokens import Authorization, TokenProvider


class EnergyLimits(CompanionModule):
    """The limits that we ask for."""

    PROOFS: ClassVar = {
        "capabilities": "nominal_voltage_V",
        "enforced_limits": "limits_root_side",
    }

    def request(self, wanted: Limits) -> Request:
        """Return the message that replaces what we asked for before; it has no reply."""
        clock = self._host.clock
        value = limits.command(wanted, clock.to_datetime(clock.now()))
        return self.module.message("set_external_limits", value)


#: What is made of a module of each kind.
COMPANIONS: Final[dict[Kind, type[CompanionModule]]] = {
    Kind.ERRORS: ErrorHistory,
    Kind.LIMITS: EnergyLimits,
    Kind.TOKENS: TokenProvider,
    Kind.AUTHORIZATION: Authorization,
    Kind.COSTS: SessionCosts,
}

#: In which field of `CompanionModules` a module of each kind is.
FIELDS: Final[dict[Kind, str]] = {
    Kind.ERRORS: "errors",
    Kind.LIMITS: "limits",
    Kind.TOKENS: "tokens",
    Kind.AUTHORIZATION: "authorization",
    Kind.COSTS: "costs",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionModules:
    """The modules that belong to one EVSE, as far as that is known.

    `shared` is whether other EVSEs may have some of them as well.
    """

    errors: ErrorHistory | None = None
    limits: EnergyLimits | None = None
    tokens: TokenProvider | None = None
    authorization: Authorization | None = None
    costs: SessionCosts | None = None
    shared: bool = False
