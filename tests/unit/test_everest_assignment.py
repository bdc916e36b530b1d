"""Limits modules are assigned by what is seen, and what is gone is not offered."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import CommandTimeoutError
from custom_components.fimp_chargepoint.chargepoint.everest.api.module import Kind
from custom_components.fimp_chargepoint.chargepoint.everest.api.module_assignment import (
    assigned_modules,
    choices,
    undecided,
)
from custom_components.fimp_chargepoint.chargepoint.everest.limits import (
    SOURCE,
    is_own,
    modules_of,
    source_of,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature
from custom_components.fimp_chargepoint.chargepoint.notices import (
    LimitsModuleElsewhere,
    ModulesUnassigned,
)

from .everest_limits import FUSE, holding, limit
from .everest_site import ERRORS, LIMITS, Site, begin, outcome
from .live import Live

ONE, TWO = "everest:one", "everest:two"


# Sources ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        (source_of("limits_1"), {"limits_1"}),
        (f"grid/module_config,{source_of('a')},connector_1/caps", {"a"}),
        (f"{source_of('a')},{source_of('b')}", {"a", "b"}),
        (f"api_sink/{source_of('a')}", {"a"}),
        (source_of("Ladepunkt, links/1"), {"Ladepunkt, links/1"}),
        # Without a source, of another program, or not a text.
        (SOURCE, set()),
        (f"my_{source_of('a')}", set()),
        (f"{SOURCE}s/a", set()),
        (f"{SOURCE}/", set()),
        (FUSE, set()),
        ("", set()),
        (None, set()),
        (5, set()),
        ([source_of("a")], set()),
    ],
)
def test_the_modules_in_a_source(source: object, modules: set[str]) -> None:
    assert modules_of(source) == modules
    for module in modules:
        assert is_own(source, module)
    assert not is_own(source, "another") or source == SOURCE


# The rules ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "limited", "expected"),
    [
        # It was seen here, and only here.
        ({}, {"a": {ONE}}, "a"),
        ({}, {"a": {ONE}, "b": {TWO}}, "a"),
        ({ONE: {"limits": "gone"}}, {"a": {ONE}}, "a"),
        # It was seen at the other one, or at both: it is at the grid.
        ({}, {"a": {TWO}}, None),
        ({}, {"a": {ONE, TWO}}, None),
        # A choice holds until something else is seen.
        ({ONE: {"limits": "b"}}, {}, "b"),
        ({ONE: {"limits": "b"}}, {"b": {ONE}}, "b"),
        ({ONE: {"limits": "b"}}, {"a": {ONE}}, "b"),
        ({ONE: {"limits": ""}}, {"a": {ONE}}, None),
        ({ONE: {"limits": "b"}}, {"b": {TWO}}, None),
        ({ONE: {"limits": "b"}}, {"b": {ONE, TWO}}, None),
        # They were chosen crosswise, which one limit is enough to see.
        ({ONE: {"limits": "b"}, TWO: {"limits": "a"}}, {"a": {ONE}}, "a"),
        ({ONE: {"limits": "b"}, TWO: {"limits": "a"}}, {"b": {TWO}}, None),
        ({ONE: {"limits": "b"}, TWO: {"limits": "a"}}, {"a": {ONE}, "b": {TWO}}, "a"),
        # Two nodes above this EVSE have a limit of ours: it is unknown which one is its own.
        ({}, {"a": {ONE}, "b": {ONE}}, None),
        # Only modules that are there.
        ({}, {"gone": {ONE}}, None),
    ],
)
def test_by_what_was_seen(chosen: Any, limited: Any, expected: str | None) -> None:
    found = {Kind.LIMITS: ["a", "b"]}
    mine = assigned_modules(ONE, found, chosen, alone=False, limited=limited)
    assert mine.get(Kind.LIMITS) == expected


def test_only_limits_modules_are_seen() -> None:
    """The ids of modules are unique within one kind only."""
    found = {Kind.LIMITS: ["a"], Kind.TOKENS: ["a"]}
    mine = assigned_modules(ONE, found, {}, alone=True, limited={"a": frozenset({TWO})})
    assert mine == {Kind.TOKENS: "a"}


def test_what_was_chosen_and_is_gone_can_be_chosen_again() -> None:
    found = {Kind.LIMITS: ["new"]}
    for former in ("old", ""):
        chosen = {ONE: {"limits": former}}
        (offered,) = choices({ONE: "One"}, found, chosen, alone=True)
        assert offered.modules == ("new",)
        # None was a decision, a module that is gone is none.
        assert bool(undecided([offered], chosen)) is bool(former)
    assert choices({ONE: "One"}, found, {ONE: {"limits": "new"}}, alone=True) == []


# A station ----------------------------------------------------------------------------


class Garage(Site):
    """Two EVSEs, which report their limits each second, and two limits modules."""

    def __init__(self, chosen: dict[str, str] | None = None, evses: int = 2) -> None:
        """Begin with the limits modules that the user has `chosen`."""
        super().__init__()
        modules = {f"everest:{evse}": {"limits": each} for evse, each in (chosen or {}).items()}
        self.hub.options = replace(self.hub.options, modules=modules)
        self.beats = 100
        numbers = range(1, evses + 1)
        self.limits: dict[str, Any] = {f"evse_{each}": holding(16.0) for each in numbers}
        self.modules = [f"limits_{each}" for each in numbers]
        self.pass_time(1)

    def pass_time(self, seconds: int) -> None:
        """Let everybody report each second."""
        for _ in range(seconds):
            self.wait(1)
            self.beats += 1
            for evse, enforced in self.limits.items():
                self.evse("heartbeat", self.beats, evse)
                self.evse("enforced_limits", enforced, evse)
            for module in self.modules:
                self.publish(LIMITS, module, "heartbeat", self.beats)

    @property
    def limited(self) -> set[str]:
        """The EVSEs whose current can be limited."""
        return {
            each
            for each in ("evse_1", "evse_2")
            if Feature.MAX_CURRENT in self.node(each).snapshot.capabilities.controls
        }

    @property
    def offered(self) -> dict[str, tuple[str, ...]]:
        """The limits modules that are offered in the options."""
        found = self.hub.module_choices.open
        return {each.name: each.modules for each in found if each.kind == "limits"}

    @property
    def elsewhere(self) -> set[tuple[str, str, str]]:
        """Which choices are reported as wrong."""
        return {
            (each.module, each.name, each.others)
            for each in self.hub.warnings.values()
            if isinstance(each, LimitsModuleElsewhere)
        }

    def apply_limit(self, evse: str, module: str, current: float = 10.0) -> None:
        """Let a limit that we have sent to `module` apply at an EVSE."""
        self.limits[evse] = holding(current, source_of(module))


def test_nothing_is_sent_to_find_out() -> None:
    garage = Garage()
    garage.take()
    garage.pass_time(120)
    assert garage.asked("set_external_limits") == []
    assert garage.limited == set()
    assert any(isinstance(each, ModulesUnassigned) for each in garage.hub.warnings.values())


async def test_assigned_by_what_was_set_before() -> None:
    """A limit of an earlier run holds, and names the module."""
    garage = Garage()
    garage.apply_limit("evse_1", "limits_2")
    garage.pass_time(15)
    assert garage.limited == {"evse_1"}
    garage.pass_time(60)
    # Only the other one has to be decided.
    (warning,) = garage.hub.warnings.values()
    assert isinstance(warning, ModulesUnassigned)
    assert warning.names == "EVerest evse_2"
    garage.take()
    task = await begin(garage.node("evse_1").set(Feature.MAX_CURRENT, 8))
    assert garage.take() == [f"everest_api/1/{LIMITS}/limits_2/m2e/set_external_limits"]
    garage.apply_limit("evse_1", "limits_2", 8.0)
    garage.pass_time(1)
    await outcome(task)


async def test_a_second_evse_takes_nothing_from_the_first() -> None:
    """An assignment that was observed stays certain."""
    garage = Garage(evses=1)
    garage.pass_time(20)
    task = await begin(limit(garage, 10))
    garage.apply_limit("evse_1", "limits_1")
    garage.pass_time(8)
    await outcome(task)
    garage.limits["evse_2"] = holding(16.0)
    garage.pass_time(1)
    assert garage.limited == {"evse_1"}
    garage.pass_time(60)
    assert garage.limited == {"evse_1"}


async def test_crosswise_is_noticed_and_reported() -> None:
    garage = Garage({"evse_1": "limits_2", "evse_2": "limits_1"})
    garage.pass_time(30)
    assert garage.limited == {"evse_1", "evse_2"}
    assert garage.elsewhere == set()
    task = await begin(garage.node("evse_1").set(Feature.MAX_CURRENT, 10))
    garage.apply_limit("evse_2", "limits_2")
    garage.pass_time(8)
    # It is the module of the other one: only that one is limited through it.
    assert garage.elsewhere == {("limits_2", "EVerest evse_1", "EVerest evse_2")}
    assert garage.limited == {"evse_2"}
    garage.pass_time(10)
    with pytest.raises(CommandTimeoutError):
        await outcome(task)
    garage.take()
    task = await begin(garage.node("evse_2").set(Feature.MAX_CURRENT, 12))
    sent = [topic for topic in garage.take() if topic.endswith("set_external_limits")]
    assert sent == [f"everest_api/1/{LIMITS}/limits_2/m2e/set_external_limits"]
    garage.apply_limit("evse_2", "limits_2", 12.0)
    garage.pass_time(6)
    await outcome(task)


async def test_a_module_at_the_grid_is_no_number_of_one_evse() -> None:
    garage = Garage({"evse_1": "limits_2", "evse_2": "limits_1"})
    garage.pass_time(30)
    task = await begin(garage.node("evse_1").set(Feature.MAX_CURRENT, 10))
    garage.apply_limit("evse_1", "limits_2")
    garage.apply_limit("evse_2", "limits_2")
    garage.pass_time(1)
    await outcome(task)
    garage.pass_time(8)
    assert garage.limited == {"evse_2"}
    both = "EVerest evse_1, EVerest evse_2"
    assert garage.elsewhere == {("limits_2", "EVerest evse_1", both)}
    # It does not come back because one of them has a stricter limit by now.
    garage.apply_limit("evse_2", "limits_1", 6.0)
    garage.pass_time(100)
    assert garage.limited == {"evse_2"}


def test_after_a_restart_only_what_is_seen_since_counts() -> None:
    """The configuration of a station changes with a restart."""
    garage = Garage()
    garage.apply_limit("evse_1", "limits_1")
    garage.pass_time(20)
    assert garage.limited == {"evse_1"}
    garage.beats = -1
    garage.limits = {"evse_1": holding(16.0), "evse_2": holding(16.0)}
    garage.pass_time(70)
    # It was lost, and nothing contradicts it.
    assert garage.limited == {"evse_1"}
    garage.apply_limit("evse_2", "limits_1")
    garage.pass_time(20)
    assert garage.limited == {"evse_2"}


# Disappeared modules ------------------------------------------------------------------


def test_gone_modules_and_evses_are_not_offered() -> None:
    garage = Garage()
    garage.publish(ERRORS, "errors_1", "heartbeat", 1)
    garage.pass_time(2)
    both = ("limits_1", "limits_2")
    assert garage.offered == {"EVerest evse_1": both, "EVerest evse_2": both}
    # The station was restarted with another configuration.
    del garage.limits["evse_2"]
    garage.modules = ["limits_1"]
    garage.pass_time(100)
    # The remaining ones belong together: nothing needs to be chosen.
    assert garage.offered == {}
    assert garage.limited == {"evse_1"}
    assert garage.hub.module_choices.gone == {"everest:evse_2"}
    # A module without regular heartbeats is not gone.
    assert [each.kind for each in garage.hub.module_choices.open] == []
    garage.pass_time(60)
    assert not garage.hub.warnings
    # They are back.
    garage.limits["evse_2"] = holding(16.0)
    garage.modules = ["limits_1", "limits_2"]
    garage.pass_time(70)
    assert garage.offered == {"EVerest evse_1": both, "EVerest evse_2": both}
    assert garage.limited == set()
    assert garage.hub.module_choices.gone == frozenset()


def test_a_choice_for_an_evse_that_never_came_does_not_count_for_long() -> None:
    garage = Garage({"ghost": "limits_2"})
    garage.pass_time(2)
    del garage.limits["evse_2"]
    garage.modules = ["limits_1"]
    garage.pass_time(90)
    # It may only not have been received yet.
    assert garage.hub.module_choices.gone == {"everest:evse_2"}
    garage.pass_time(120)
    assert garage.hub.module_choices.gone == {"everest:evse_2", "everest:ghost"}
    assert garage.limited == {"evse_1"}


def test_nothing_is_gone_while_the_whole_station_is() -> None:
    garage = Garage()
    garage.pass_time(20)
    garage.wait(3600)
    assert garage.hub.module_choices.gone == frozenset()
    assert len(garage.offered) == 2
    # The first one to come back does not make the others gone.
    garage.evse("heartbeat", 0, "evse_1")
    garage.wait(5)
    assert garage.hub.module_choices.gone == frozenset()
    assert garage.offered["EVerest evse_1"] == ("limits_1", "limits_2")


def test_after_a_lost_link_nothing_is_gone_at_once() -> None:
    garage = Garage()
    garage.pass_time(20)
    garage.cut()
    garage.wait(3600)
    garage.mend()
    garage.evse("heartbeat", 500, "evse_1")
    assert garage.hub.module_choices.gone == frozenset()
    assert len(garage.offered) == 2


# Recordings ---------------------------------------------------------------------------


def in_our_words(live: Live, modules: dict[str, str]) -> None:
    """Let the limits of a recording be those that are sent today, which name their module.

    `modules` are the limits modules by the EVSE that reported the limit.
    """
    feed = live.hub.message

    def message(topic: str, payload: bytes, *, retained: bool) -> None:
        _, _, module, *_ = [*topic.split("/")[1:], "", "", ""]
        if topic.endswith("/enforced_limits") and module in modules:
            reported = orjson.loads(payload)
            for part in reported["limits_root_side"].values():
                part["source"] = part["source"].replace(SOURCE, source_of(modules[module]))
            payload = orjson.dumps(reported)
        feed(topic, payload, retained=retained)

    live.hub.message = message  # type: ignore[method-assign]


LEFT, RIGHT = "evse_manager_api_1", "evse_manager_api_2"


async def test_two_evses_of_a_real_station() -> None:
    """Their limits show at 1 s (8 A of an earlier run) and at 30.5 s; none is set by this run."""
    live = Live("two_evses_linked.jsonl", f"everest:{LEFT}")
    in_our_words(live, {LEFT: "limits_api_1", RIGHT: "limits_api_2"})

    def limited() -> list[bool]:
        found = (live.hub.nodes[f"everest:{each}"].snapshot for each in (LEFT, RIGHT))
        return [Feature.MAX_CURRENT in each.capabilities.controls for each in found]

    await live.until(9)
    assert limited() == [False, False]
    await live.until(16)
    assert limited() == [True, False]
    await live.until(36)
    assert limited() == [True, True]
    assert live.asked("set_external_limits") == []
    assert live.hub.nodes[f"everest:{LEFT}"]._limits_module == "limits_api_1"  # type: ignore[attr-defined]
    assert live.hub.nodes[f"everest:{RIGHT}"]._limits_module == "limits_api_2"  # type: ignore[attr-defined]


async def test_a_real_station_whose_modules_were_chosen_crosswise() -> None:
    live = Live("two_evses_linked.jsonl", f"everest:{LEFT}")
    live.hub.options = replace(
        live.hub.options,
        modules={
            f"everest:{LEFT}": {"limits": "limits_api_2"},
            f"everest:{RIGHT}": {"limits": "limits_api_1"},
        },
    )
    in_our_words(live, {LEFT: "limits_api_1", RIGHT: "limits_api_2"})
    await live.until(40)
    found = {
        (each.module, each.name)
        for each in live.hub.warnings.values()
        if isinstance(each, LimitsModuleElsewhere)
    }
    assert {module for module, _ in found} == {"limits_api_1", "limits_api_2"}
    assert live.node._limits_module == "limits_api_1"  # type: ignore[attr-defined]


async def test_a_module_at_the_grid_of_a_real_station_is_somebody_else_s() -> None:
    """It is limited through both; only our own module was sent our limit."""
    live = Live("grid_limit_phases.jsonl", "everest:evse_manager_api")
    in_our_words(live, {"evse_manager_api": "limits_api"})
    await live.until(50)
    assert live.node._limits_module == "limits_api"  # type: ignore[attr-defined]
    (offered,) = [each for each in live.hub.module_choices.open if each.kind == "limits"]
    assert offered.modules == ("grid_limits_api", "limits_api")
