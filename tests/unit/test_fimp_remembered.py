"""Requests of an earlier run may no longer fit, and do no harm."""

from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.fimp.chargepoint import FimpChargepoint
from custom_components.fimp_chargepoint.chargepoint.limits.requested import Requested
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason, Status
from tests.helpers.recordings import recording

from .fakes import OfflineHub
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, inclusion, report, state
from .fimp_playing import play
from .fimp_settings import phase_mode
from .fimp_vinculum import answer, device, reply_topic


@pytest.mark.parametrize("phases", ["1", "3", "2"])
def test_phases_that_are_not_offered_any_longer(phases: str) -> None:
    """Only one phase is left of what was three."""
    chargers = ("fimp:charger/1/1", "fimp:charger/1/3")
    path = recording("fimp/live/phase_modes_shrink_stopiteration")
    hub = play(path, *chargers, phases=phases)
    assert not hub.ignored
    for address in chargers:
        snapshot = hub.nodes[address].snapshot
        assert snapshot.available
        assert snapshot.status is Status.DISCONNECTED
        assert (snapshot.phases, snapshot.phase_mode) == ("1", "nl1")


def test_vinculum_lists_no_phase_modes() -> None:
    """Neither the charge point that remembers some, nor one after it in the list, is lost."""
    names = {
        "fimp:easee/1/1": "Ladeboks Ærlig",
        "fimp:easee/1/2": "Hytta",
        "fimp:charger/1/1": "SC left",
        "fimp:charger/1/3": "SC right",
    }
    path = recording("fimp/live/vinculum_without_phase_modes_stopiteration")
    hub = play(path, *names)
    assert not hub.ignored
    for address, name in names.items():
        assert hub.nodes[address].snapshot.identity.name == name
    charging = hub.nodes["fimp:charger/1/1"].snapshot
    assert charging.available
    assert charging.status is Status.CHARGING


@pytest.mark.parametrize("name", ["ghost_phases_keyerror", "ghost_no_inclusion_answer"])
def test_nobody_answers_the_question_who_it_is(name: str) -> None:
    address = "fimp:ghost/1/5"
    hub = play(recording(f"fimp/live/{name}"), address)
    # The recording may end before it is introduced without an answer.
    hub.advance(hub.clock.time + 5)
    assert not hub.ignored
    snapshot = hub.nodes[address].snapshot
    assert snapshot.available
    assert snapshot.status is not None


@pytest.fixture
def hub() -> OfflineHub:
    hub = OfflineHub()
    hub.connection_made()
    return hub


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        *((Feature.PHASES, each) for each in ("1", "3", "7", 3, None, ["1"], {})),
        *((Feature.PHASE_MODE, each) for each in ("nl9", 1, None, ["nl1"])),
        *((Feature.MAX_CURRENT, each) for each in ("16", None, [16], True)),
    ],
)
def test_anything_may_have_been_remembered(
    hub: OfflineHub, feature: Feature, value: object
) -> None:
    modes = {"props": {"sup_phase_modes": ["NL1", "NL1L2L3"]}}
    hub.feed(ADAPTER, inclusion(interfaces=["cmd.phase_mode.set"], **modes))
    node = hub.nodes[ADDRESS]
    assert isinstance(node, FimpChargepoint)
    node.limits.restore(Requested(limits={feature: value}), hub.clock.time)
    hub.feed(CHARGER, state("charging"))
    hub.feed(CHARGER, phase_mode("NL1L2L3"))
    hub.connection_lost(NotConnectedError("gone"))
    hub.connection_made()
    # By now it has none at all.
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, state("charging"))
    assert not hub.ignored
    assert node.snapshot.available


def test_phases_that_hold_are_known_to_hold_without_a_list(hub: OfflineHub) -> None:
    """Which mode it is does not matter, as long as it has as many phases."""
    hub.feed(CHARGER, state())
    hub.advance(hub.clock.time + 5)
    node = hub.nodes[ADDRESS]
    assert isinstance(node, FimpChargepoint)
    node.limits.restore(Requested(limits={"phases": "1"}), hub.clock.time)
    one_phase = node.effect(Feature.PHASES, "1")
    assert not one_phase.matches(node.snapshot)
    hub.feed(CHARGER, phase_mode("NL2"))
    assert one_phase.matches(node.snapshot)


# One that is broken takes no others along --------------------------------------------------


def break_one(hub: OfflineHub, address: str) -> None:
    """Let a charge point fail whenever it is restored."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    node = hub.nodes[address]
    node.apply_thing = node.apply_device = node.apply_thing_status = fail  # type: ignore[attr-defined]


def test_in_the_list_of_a_hub(hub: OfflineHub) -> None:
    def listed(number: str) -> dict[str, Any]:
        services = {
            "chargepoint": {
                "addr": f"/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:{number}",
                "intf": [],
                "props": None,
            }
        }
        return device(int(number), services=services, client={"name": f"New {number}"})

    for number in ("1", "2", "3"):
        hub.feed(ADAPTER, inclusion(number, (number,)))
    break_one(hub, "fimp:easee/1/1")
    break_one(hub, "fimp:easee/1/3")
    hub.feed(reply_topic(hub), answer(*map(listed, ("1", "3", "2"))))
    assert hub.nodes["fimp:easee/1/2"].snapshot.identity.name == "New 2"
    # A feature that is no longer listed is removed nevertheless.
    hub.feed(reply_topic(hub), answer(listed("1")))
    assert "fimp:easee/1/2" not in hub.nodes
    assert hub.ignored == {"internal": 3}


def test_in_the_list_of_an_adapter(hub: OfflineHub) -> None:
    for number in ("1", "2"):
        hub.feed(ADAPTER, inclusion(number, (number,)))
        hub.feed(CHARGER.removesuffix("1") + number, state())
    break_one(hub, "fimp:easee/1/1")
    nodes = [{"address": each, "status": "DOWN"} for each in ("1", "2", "7")]
    hub.take_sent()
    hub.feed(ADAPTER, report("evt.network.all_nodes_report", "object", nodes))
    assert hub.nodes["fimp:easee/1/2"].snapshot.unavailable is Reason.OFFLINE
    assert hub.ignored == {"internal": 1}
    # An unknown one is asked anyway.
    assert hub.take_sent("cmd.thing.get_inclusion_report")


def test_in_one_thing(hub: OfflineHub) -> None:
    hub.feed(ADAPTER, inclusion("3", ("3_1", "3_2")))
    break_one(hub, "fimp:easee/1/3_1")
    fields = {"props": {"sup_charging_modes": ["slow"]}}
    hub.feed(ADAPTER, inclusion("3", ("3_1", "3_2"), **fields))
    hub.feed(CHARGER.removesuffix("1") + "3_2", state())
    options = hub.nodes["fimp:easee/1/3_2"].snapshot.capabilities.options
    assert options[Feature.CHARGING_MODE] == ("slow",)
    hub.feed(
        ADAPTER, report("evt.network.node_report", "object", {"address": "3", "status": "DOWN"})
    )
    assert hub.nodes["fimp:easee/1/3_2"].snapshot.unavailable is Reason.OFFLINE
