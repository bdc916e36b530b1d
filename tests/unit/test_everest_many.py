"""A station with hundreds of EVSEs: what is done for each does not grow with the others.

What is counted is the calls of functions, which no busy machine changes.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
import sys
from types import FrameType
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint import everest
from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason
from custom_components.fimp_chargepoint.chargepoint.notices import ModulesUnassigned

from .everest_site import ERRORS, EVSE, LIMITS, ROOT
from .fakes import UNTHROTTLED, OfflineHub

JUDGE, TOKENS = "auth_consumer", "auth_token_provider"
_FOLDER = str(Path(everest.__file__).parent)


def counted(action: Callable[[], object]) -> int:
    """Return how many calls of functions for EVerest it takes."""
    calls = 0

    def profile(frame: FrameType, event: str, _: Any) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename.startswith(_FOLDER)

    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls


class Row:
    """A row of EVSEs, each with modules of its own, at one station."""

    def __init__(self, count: int, *, decided: bool) -> None:
        """Begin with as many EVSEs; `decided` is whether the user has assigned the modules."""
        self.count = count
        numbers = range(count)
        modules = {
            f"everest:evse_{each}": {"limits": f"limits_{each}", "errors": f"errors_{each}"}
            for each in numbers
        }
        options = replace(UNTHROTTLED, modules=modules if decided else {})
        self.hub = OfflineHub(options=options, known=[f"everest:evse_{n}" for n in numbers])
        self.hub.connection_made()

    def send_heartbeat(self, kind: str, module: str) -> None:
        """Let a module publish a heartbeat."""
        self.hub.feed(f"{ROOT}/{kind}/{module}/e2m/heartbeat", 1)

    def evses(self) -> None:
        """Let all EVSEs publish heartbeats."""
        for each in range(self.count):
            self.send_heartbeat(EVSE, f"evse_{each}")

    def modules(self) -> None:
        """Let all other modules publish heartbeats."""
        self.send_heartbeat(JUDGE, "judge")
        self.send_heartbeat(TOKENS, "reader")
        for each in range(self.count):
            self.send_heartbeat(LIMITS, f"limits_{each}")
            self.send_heartbeat(ERRORS, f"errors_{each}")

    def in_turn(self) -> None:
        """Let the modules of one EVSE after the other publish heartbeats."""
        for each in range(self.count):
            for kind, name in ((ERRORS, "errors"), (EVSE, "evse"), (LIMITS, "limits")):
                self.send_heartbeat(kind, f"{name}_{each}")
            self.send_heartbeat(JUDGE, "judge")

    def limited(self) -> int:
        """Return of how many EVSEs the current can be limited."""
        return sum(
            Feature.MAX_CURRENT in each.snapshot.capabilities.controls
            for address, each in self.hub.nodes.items()
            if address.startswith("everest:")
        )

    @property
    def parts(self) -> int:
        """The number of EVSEs that are parts of the station."""
        station = "everest_station:"
        return sum(each.snapshot.parent == station for each in self.hub.nodes.values())


ORDERS: dict[str, Callable[[Row], object]] = {
    "EVSEs first": lambda row: (row.evses(), row.modules()),
    "modules first": lambda row: (row.modules(), row.evses()),
    "in turn": Row.in_turn,
}


@pytest.mark.parametrize("decided", [True, False])
@pytest.mark.parametrize("order", ORDERS)
def test_what_is_found(order: str, *, decided: bool) -> None:
    """Twice as many cost twice as much."""
    few, many = (Row(count, decided=decided) for count in (200, 400))
    for_few = counted(lambda: ORDERS[order](few))
    for_many = counted(lambda: ORDERS[order](many))
    assert for_many <= 2.1 * for_few, f"{for_few} calls for 200, {for_many} for 400"
    assert many.limited() == (400 if decided else 0)
    assert decided or many.parts == 400


def test_what_is_said() -> None:
    """Only the EVSE that reports is checked, and not all of them."""
    few, many = (Row(count, decided=False) for count in (200, 400))
    for row in (few, many):
        row.evses()
        row.modules()
        assert row.parts == row.count

    def plug(row: Row) -> None:
        for each in range(10):
            topic = f"{ROOT}/{EVSE}/evse_{each}/e2m/session_info"
            row.hub.feed(topic, {"state": "Charging"})

    assert counted(lambda: plug(many)) == counted(lambda: plug(few))


def test_why_the_station_is_unavailable() -> None:
    """What holds for the station, and not what the last EVSE reports of itself."""
    row = Row(2, decided=False)
    row.evses()
    row.modules()
    hub = row.hub
    station, first = hub.nodes["everest_station:"], hub.nodes["everest:evse_0"]
    hub.advance(hub.clock.time + 3600)
    assert station.snapshot.unavailable is first.snapshot.unavailable is Reason.SILENT
    first._set_unavailable(Reason.NOT_HEARD, hub.clock.time)
    assert station.snapshot.unavailable is Reason.SILENT
    hub.connection_lost(NotConnectedError("gone"))
    assert station.snapshot.unavailable is Reason.NOT_CONNECTED
    hub.connection_made()
    assert station.snapshot.unavailable is Reason.NOT_HEARD
    row.send_heartbeat(EVSE, "evse_0")
    assert station.snapshot.available


def test_what_the_user_is_asked() -> None:
    """A question for each of many EVSEs, and all of their modules to choose from."""
    few, many = (Row(count, decided=False) for count in (200, 400))
    for row in (few, many):
        row.evses()
        row.modules()
    offered = many.hub.module_choices.open
    # Limits, tokens and errors, and one tuple of modules for all.
    assert len(offered) == 3 * 400
    assert len({id(each.modules) for each in offered}) == 3
    look = counted(lambda: many.hub.advance(many.hub.clock.time + 40))
    assert look
    (warning,) = many.hub.warnings.values()
    assert isinstance(warning, ModulesUnassigned)


def test_a_station_of_both_apis() -> None:
    """Its connectors are counted, not looked for again at each that is found."""

    def both(row: Row) -> None:
        row.evses()
        for each in range(row.count):
            topic = f"everest_api/evse_{each}/var/session_info"
            row.hub.feed(topic, {"state": "Unplugged"})

    few, many = (Row(count, decided=True) for count in (200, 400))
    for_few, for_many = counted(lambda: both(few)), counted(lambda: both(many))
    assert for_many <= 2.1 * for_few
    many.hub.advance(many.hub.clock.time + 70)
    assert len(many.hub.nodes) == 400
