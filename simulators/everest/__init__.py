"""An EVerest station with one or more EVSEs, as seen through EVerest API v1."""

from .station import DIALECTS, EverestSimulator, EvseSetup, SisterSetup

__all__ = ["DIALECTS", "EverestSimulator", "EvseSetup", "SisterSetup"]
