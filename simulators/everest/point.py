"""An EVSE as its parts know it: what is true of it, and what it says."""

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
        """Begin without a word."""
        super().__init__(setup.name, connector)
        self.station = station
        self.setup = setup
        self.number = number
        self.voice = Voice(station, setup, number, connector)

    @abstractmethod
    def settle(self) -> None:
        """Go from where it is to where the facts want it."""

    @abstractmethod
    async def show_card(self, number: str) -> bool:
        """Hold a card to the reader; tells whether it was good for anything."""
