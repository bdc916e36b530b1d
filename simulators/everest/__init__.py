"""An EVerest station with one or more EVSEs, as seen through its APIs."""

from .dialects import DIALECTS
from .setups import CompanionSetup, EvseSetup, SiteSetup
from .station import EverestSimulator

__all__ = ["DIALECTS", "CompanionSetup", "EverestSimulator", "EvseSetup", "SiteSetup"]
