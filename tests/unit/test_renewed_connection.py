"""The connection is renewed if commands get no reply and nothing else arrives either."""

import asyncio

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import CommandTimeoutError
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint

from .fakes import OfflineHub
from .fimp_commands import begin
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, inclusion, state


class House:
    """A charge point that answers nothing, and how often the connection was renewed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.renewed = 0
        self.hub = OfflineHub()
        monkeypatch.setattr(self.hub.transport, "renew", self._renew)
        self.hub.connection_made()
        self.hub.feed(ADAPTER, inclusion())
        self.hub.feed(CHARGER, state("ready_to_charge"))
        node = self.hub.nodes[ADDRESS]
        assert isinstance(node, FimpChargepoint)
        self.node = node

    def _renew(self) -> None:
        self.renewed += 1

    async def command(self, times: int = 1) -> None:
        """Start charging without any reply."""
        for _ in range(times):
            task = await begin(self.node.start_charging())
            self.hub.advance(self.hub.clock.time + self.node.command_timeout + 1)
            await asyncio.wait((task,))
            assert isinstance(task.exception(), CommandTimeoutError)


async def test_three_commands_without_a_reply_renew_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House(monkeypatch)
    await house.command(2)
    assert house.renewed == 0
    await house.command()
    assert house.renewed == 1


async def test_charge_point_that_is_offline_does_not_make_the_connection_flap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House(monkeypatch)
    await house.command(20)
    assert house.renewed == 1
    # Any message shows that the connection works, until it is silent again.
    house.hub.feed("pt:j1/mt:evt/rt:dev/rn:acme/ad:1/sv:chargepoint/ad:9", state())
    await house.command(3)
    assert house.renewed == 2


async def test_any_message_shows_that_the_connection_delivers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House(monkeypatch)
    for _ in range(5):
        await house.command(2)
        house.hub.feed("pt:j1/mt:evt/rt:dev/rn:acme/ad:1/sv:chargepoint/ad:9", state())
    assert house.renewed == 0
