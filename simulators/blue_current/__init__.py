"""A Blue Current account with its charge points, as seen through the vendor's websocket API."""

from .chargepoint import BlueCurrentChargepoint, ChargepointSetup
from .server import AccountSetup, BlueCurrentSimulator

__all__ = ["AccountSetup", "BlueCurrentChargepoint", "BlueCurrentSimulator", "ChargepointSetup"]
