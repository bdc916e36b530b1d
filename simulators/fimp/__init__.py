"""A FIMP adapter with charge points, as Futurehome hubs and private brokers have it."""

from .adapter import FimpSimulator
from .profiles import PROFILES, ChargepointSetup

__all__ = ["PROFILES", "ChargepointSetup", "FimpSimulator"]
