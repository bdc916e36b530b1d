"""An EVerest station with one or more EVSEs, as seen through its APIs."""

from .dialects import DIALECTS
from .setups import EvseSetup, SisterSetup, SiteSetup
from .station import EverestSimulator

__all__ = ["DIALECTS", "EverestSimulator", "EvseSetup", "SisterSetup", "SiteSetup"]
