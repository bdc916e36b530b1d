"""Each confirmation of a setting is one publication."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot, Feature

from .fimp_commands import begin
from .fimp_garage import Garage
from .fimp_live import LiveFimp
from .fimp_messages import CHARGER, state
from .fimp_settings import lock, max_current, offered, phase_mode

LIBRARY = "pt:j1/mt:evt/rt:dev/rn:charger/ad:1/sv:chargepoint/ad:1"
SESSION = "2026-11-21T16:35:03Z"

#: A setting, the value it gets, and the report that confirms it.
SETTINGS: list[tuple[Feature, Any, dict[str, Any]]] = [
    (Feature.MAX_CURRENT, 10, max_current(10)),
    (Feature.SESSION_CURRENT, 10, offered(10)),
    (Feature.CABLE_LOCK, True, lock(True)),
    (Feature.PHASES, "1", phase_mode("NL2")),
    (Feature.PHASE_MODE, "nl2", phase_mode("NL2")),
]


class Shown:
    """The value of an entity: the requested one while it is pending, else the one that applies."""

    def __init__(self, node: FimpChargepoint, kind: str) -> None:
        self._kind = kind
        self.states: list[tuple[object, bool]] = []
        self.count = 0
        node.add_listener(self._add)

    def _add(self, snapshot: ChargepointSnapshot) -> None:
        pending = self._kind in snapshot.pending
        held = getattr(snapshot, self._kind)
        self.count += 1
        state = (snapshot.pending[self._kind] if pending else held, pending)
        if self.states[-1:] != [state]:
            self.states.append(state)


@pytest.mark.parametrize(("feature", "value", "confirmation"), SETTINGS)
async def test_a_setting_is_confirmed_in_one_state(
    feature: Feature, value: object, confirmation: dict[str, Any]
) -> None:
    garage = Garage()
    garage.report_answer("cmd.current_session.get_report", offered(16))
    garage.report_state("charging")
    shown = Shown(garage.node, feature)
    garage.answers_requests = False
    task = await garage.call(garage.node.set(feature, value))  # type: ignore[arg-type]
    garage.hub.feed(CHARGER, confirmation)
    await task
    assert shown.states == [(value, True), (value, False)]
    assert shown.count == 2


async def test_a_start_and_a_stop_are_confirmed_in_one_state() -> None:
    garage = Garage()
    shown = Shown(garage.node, Feature.CHARGING)
    await (await garage.call(garage.node.start_charging()))
    assert shown.states == [(True, True), (True, False)]
    await (await garage.call(garage.node.stop_charging()))
    assert shown.states[2:] == [(False, True), (False, False)]
    assert shown.count == 4


async def test_a_parameter_is_confirmed_in_one_state() -> None:
    garage = Garage()
    publications: list[ChargepointSnapshot] = []
    garage.node.add_listener(publications.append)
    await (await garage.call(garage.node.set_parameter("led_brightness", 70)))
    assert [snapshot.pending for snapshot in publications] == [
        {"parameter led_brightness": 70},
        {},
    ]
    assert publications[-1].parameters["led_brightness"] == 70


@pytest.mark.parametrize(
    ("command", "kind", "begin_at", "end_at", "value"),
    [
        (lambda node: node.set(Feature.SESSION_CURRENT, 9), "session_current", 1.0, 3.0, 9),
        (lambda node: node.set_charging_mode("slow"), "charging_mode", 3.25, 7.4, "slow"),
    ],
)
async def test_the_recorded_confirmations_do_not_flicker(
    command: Callable[[FimpChargepoint], Any],
    kind: str,
    begin_at: float,
    end_at: float,
    value: object,
) -> None:
    """The library's charger answers a limit, and a start in another mode, by several reports."""
    live = LiveFimp("flicker_session_current_mode", "fimp:charger/1/1")
    live.include("easee_logged_out_stale_charging")
    for message in (state("charging"), offered(13, 0.04, started_at=SESSION)):
        live.hub.feed(LIBRARY, message)
    await live.until(begin_at)
    shown = Shown(live.node, kind)
    task = await begin(command(live.node))
    await live.until(end_at)
    await asyncio.wait_for(task, 1)
    assert shown.states == [(value, True), (value, False)]
