"""An EVSE as its parts know it: its facts, and its messages."""

from abc import abstractmethod

from simulators.car import Connector
from simulators.simulator import Chargepoint

from .framework import Station
from .setups import EvseSetup
from .voice import Voice


class Point(Chargepoint):
    """The facts of an EVSE."""

    def __init__(
        self, station: Station, setup: EvseSetup, number: int, connector: Connector
    ) -> None:
        """Start without any message."""
        super().__init__(setup.name, connector)
        self.station = station
        self.setup = setup
        self.number = number
        self.voice = Voice(station, setup, number, connector)

    @abstractmethod
    def settle(self) -> None:
        """Move from the present state to the one that the facts require."""

    @abstractmethod
    async def show_card(self, number: str) -> bool:
        """Present a card to the reader; return whether it had an effect."""
