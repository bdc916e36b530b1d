"""The modules beside an EVSE, and what they have in common."""

from typing import TYPE_CHECKING, ClassVar

from .module import ApiModule

if TYPE_CHECKING:
    from .evse import Evse
    from .station import EverestSimulator

# How much slower than that of an EVSE the heart of the others beats.
_SLOWER = 5


class Sister(ApiModule):
    """A module that stands beside the EVSEs."""

    KIND: ClassVar[str] = ""
    VARIABLES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, station: EverestSimulator, module_id: str) -> None:
        """Build the module."""
        super().__init__(station, self.KIND, module_id)
        self.heartbeat = _SLOWER * station.timing.heartbeat
        self.check = station.site.check
        self.variables = self.VARIABLES
        self.connect()

    def connect(self) -> None:
        """Add what can be asked of this module."""

    def introduce(self) -> None:
        """Say what is said at a start."""

    def heard(self, evse: Evse, event: str) -> None:
        """Hear what has happened at an EVSE."""
