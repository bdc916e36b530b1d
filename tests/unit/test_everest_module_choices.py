"""Which modules belong to which EVSE, and what is of the station as a whole."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandTimeoutError,
    InvalidRequestError,
)
from custom_components.fimp_chargepoint.chargepoint.everest.api.module import Kind
from custom_components.fimp_chargepoint.chargepoint.everest.api.module_assignment import (
    assigned_modules,
    choices,
    undecided,
)
from custom_components.fimp_chargepoint.chargepoint.everest.station import EverestStation
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason
from custom_components.fimp_chargepoint.chargepoint.notices import ModulesUnassigned
from custom_components.fimp_chargepoint.chargepoint.options import Token

from .everest_modules import FAULT, WARNING, error, listed, raised
from .everest_site import ERRORS, LIMITS, Site, begin, outcome

ONE, TWO = "everest:one", "everest:two"
TOKENS = "auth_token_provider"


@pytest.mark.parametrize(
    ("evses", "found", "chosen", "expected"),
    [
        # One of each belongs together.
        ([ONE], {Kind.LIMITS: ["a"]}, {}, {Kind.LIMITS: "a"}),
        ([ONE], {Kind.LIMITS: ["a", "b"], Kind.COSTS: ["c"]}, {}, {Kind.COSTS: "c"}),
        ([ONE, TWO], {Kind.LIMITS: ["a"], Kind.ERRORS: ["e"]}, {}, {}),
        # The module that validates tokens is there for all.
        ([ONE, TWO], {Kind.AUTHORIZATION: ["a"]}, {}, {Kind.AUTHORIZATION: "a"}),
        ([ONE, TWO], {Kind.AUTHORIZATION: ["a", "b"]}, {}, {}),
        # The user has chosen.
        (
            [ONE, TWO],
            {Kind.LIMITS: ["a", "b"]},
            {ONE: {"limits": "b"}},
            {Kind.LIMITS: "b"},
        ),
        ([ONE, TWO], {Kind.LIMITS: ["a", "b"]}, {TWO: {"limits": "b"}}, {}),
        # None, and one that is not there, are choices as well.
        ([ONE], {Kind.LIMITS: ["a"]}, {ONE: {"limits": ""}}, {}),
        ([ONE], {Kind.LIMITS: ["a"]}, {ONE: {"limits": "gone"}}, {}),
        # Another one is there, although it has not reported yet.
        ([ONE], {Kind.LIMITS: ["a"]}, {TWO: {"limits": ""}}, {}),
    ],
)
def test_linked(evses: Any, found: Any, chosen: Any, expected: Any) -> None:
    assert assigned_modules(ONE, found, chosen, alone=len(evses) == 1, limited={}) == expected


def test_choices() -> None:
    names = {ONE: "One", TWO: "Two"}
    found = {Kind.LIMITS: ["b", "a"], Kind.AUTHORIZATION: ["j"], Kind.ERRORS: ["e"]}
    offered = choices(names, found, {}, alone=False)
    assert [(each.address, each.kind, each.modules) for each in offered] == [
        (ONE, "limits", ("a", "b")),
        (ONE, "errors", ("e",)),
        (TWO, "limits", ("a", "b")),
        (TWO, "errors", ("e",)),
    ]
    certain = {Kind.LIMITS: ["a"], Kind.ERRORS: ["e"]}
    assert choices({ONE: "One"}, certain, {}, alone=True) == []
    # Another one is there, and not known yet.
    assert len(choices({ONE: "One"}, certain, {}, alone=False)) == 2
    assert choices({}, found, {}, alone=False) == []
    missing = undecided(offered, {ONE: {"limits": ""}})
    # Errors without a choice are the station's.
    assert [(each.address, each.kind) for each in missing] == [(TWO, "limits")]


@pytest.fixture(name="site", params=["", "site1/"])
def site_fixture(request: pytest.FixtureRequest) -> Site:
    """A station with two EVSEs, each with a module for limits."""
    site = Site(request.param)
    for module in ("evse_1", "evse_2"):
        site.evse("heartbeat", 100, module)
    for module in ("limits_1", "limits_2"):
        site.publish(LIMITS, module, "heartbeat", 100)
    return site


def chosen(site: Site, **modules: dict[str, str]) -> Site:
    """Return the same station for a user who has made choices, by EVSE."""
    other = Site(site.prefix)
    addresses = {f"everest:{site.prefix}{each}": kinds for each, kinds in modules.items()}
    other.hub.options = replace(
        other.hub.options, modules=addresses, token=Token("CAFE", "ISO14443")
    )
    for module in ("evse_1", "evse_2"):
        other.evse("heartbeat", 100, module)
    for module in ("limits_1", "limits_2"):
        other.publish(LIMITS, module, "heartbeat", 100)
    return other


async def unconfirmed(site: Site, task: asyncio.Task[None]) -> None:
    """Let a command end without a confirmation."""
    site.wait(11)
    with pytest.raises(CommandTimeoutError):
        await outcome(task)


def limited(site: Site) -> dict[str, bool]:
    """Return of which EVSE the current can be limited."""
    return {
        each: Feature.MAX_CURRENT in site.node(each).snapshot.capabilities.controls
        for each in ("evse_1", "evse_2")
    }


async def test_a_choice_works_as_a_certainty_does(site: Site) -> None:
    assert limited(site) == {"evse_1": False, "evse_2": False}
    site = chosen(site, evse_1={"limits": "limits_2"}, evse_2={"limits": ""})
    assert limited(site) == {"evse_1": True, "evse_2": False}
    site.take()
    task = await begin(site.node("evse_1").set(Feature.MAX_CURRENT, 10))
    assert site.take() == [f"{site.prefix}everest_api/1/{LIMITS}/limits_2/m2e/set_external_limits"]
    await unconfirmed(site, task)


def test_the_same_ids_below_another_prefix_are_others() -> None:
    """A choice is of an address, which holds the prefix."""
    site = chosen(Site("site1/"), evse_1={"limits": "limits_2"})
    home = Site()
    home.hub = site.hub
    for module in ("evse_1", "evse_2"):
        home.evse("heartbeat", 100, module)
    for module in ("limits_1", "limits_2"):
        home.publish(LIMITS, module, "heartbeat", 100)
    assert limited(site) == {"evse_1": True, "evse_2": False}
    assert limited(home) == {"evse_1": False, "evse_2": False}
    assert {each.address for each in site.hub.module_choices.open} == {
        f"everest:{prefix}{each}" for prefix in ("", "site1/") for each in ("evse_1", "evse_2")
    }


def test_the_user_is_asked_once_all_was_heard(site: Site) -> None:
    assert site.hub.warnings == {}
    site.wait(31)
    (warning,) = site.hub.warnings.values()
    assert isinstance(warning, ModulesUnassigned)
    assert warning.names == "EVerest evse_1, EVerest evse_2"
    site = chosen(site, evse_1={"limits": "limits_1"}, evse_2={"limits": ""})
    site.wait(31)
    assert site.hub.warnings == {}


def test_the_user_is_asked_although_the_link_was_lost_first(site: Site) -> None:
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    site.wait(10)
    site.cut()
    site.mend()
    assert site.hub.warnings == {}
    site.wait(31)
    assert len(site.hub.warnings) == 1


def test_a_choice_below_another_prefix_concerns_nobody_else() -> None:
    site = Site()
    site.hub.options = replace(
        site.hub.options, modules={"everest:site1/evse_2": {"limits": "limits_2"}}
    )
    site.evse("heartbeat", 1)
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    assert Feature.MAX_CURRENT in site.shown.capabilities.controls


def test_nobody_is_asked_where_all_is_certain() -> None:
    site = Site()
    site.evse("heartbeat", 1)
    for kind in (LIMITS, ERRORS, TOKENS):
        site.publish(kind, "module", "heartbeat", 1)
    site.wait(31)
    assert site.hub.warnings == {}
    assert site.hub.module_choices.open == []


async def test_a_token_is_for_the_evse_that_is_meant(site: Site) -> None:
    site = chosen(site, evse_1={"tokens": "reader"}, evse_2={"tokens": "reader"})
    site.publish(TOKENS, "reader", "heartbeat", 1)
    for module in ("evse_1", "evse_2"):
        site.evse("session_info", {"state": "AuthRequired"}, module)
    # Until its number is known, another EVSE could take the token.
    with pytest.raises(InvalidRequestError, match="evse_number_unknown"):
        await site.node("evse_2").start_charging()
    assert site.asked("provided_token") == []
    site.evse("heartbeat", 0, "evse_2")
    (reply_to,) = [each["headers"]["replyTo"] for each in site.asked("get_evse")][-1:]
    site.hub.feed(f"{site.prefix}{reply_to}", {"id": 2, "connectors": [{"id": 1}]})
    site.evse("session_info", {"state": "AuthRequired"}, "evse_2")
    task = await begin(site.node("evse_2").start_charging())
    (shown,) = site.asked("provided_token")
    assert shown["connectors"] == [2]
    assert shown["id_token"] == {"value": "CAFE", "type": "ISO14443"}
    await unconfirmed(site, task)


# The station ------------------------------------------------------------------------------


def station(site: Site) -> EverestStation:
    """Return the station, which must be there."""
    node = site.hub.nodes[f"everest_station:{site.prefix}"]
    assert isinstance(node, EverestStation)
    return node


def test_one_evse_needs_no_station() -> None:
    site = Site()
    site.evse("heartbeat", 1)
    site.publish(ERRORS, "errors_1", "heartbeat", 1)
    assert list(site.hub.nodes) == ["everest:evse_1"]
    assert site.shown.parent is None


def test_errors_are_the_station_s(site: Site) -> None:
    assert f"everest_station:{site.prefix}" not in site.hub.nodes
    site.publish(ERRORS, "errors_1", "heartbeat", 1)
    node = station(site)
    for module in ("evse_1", "evse_2"):
        assert site.node(module).snapshot.parent == node.address
        assert site.node(module).snapshot.faults == frozenset()
    assert node.snapshot.available
    assert node.snapshot.faults is None
    listed(site, error())
    assert node.snapshot.faults == {WARNING}
    raised(site, error("two", FAULT))
    assert node.snapshot.faults == {WARNING, FAULT}
    # A third one is a part of it as well.
    site.evse("heartbeat", 1, "evse_3")
    assert site.node("evse_3").snapshot.parent == node.address
    # None of them reports anymore.
    site.wait(600)
    assert node.snapshot.unavailable is Reason.SILENT
    assert node.snapshot.faults is None
    site.take()
    site.evse("heartbeat", 200, "evse_3")
    assert node.snapshot.available
    assert len(site.asked("active_errors")) == 1
    listed(site)
    assert node.snapshot.faults == frozenset()


def test_a_lost_link_takes_the_station_along(site: Site) -> None:
    site.publish(ERRORS, "errors_1", "heartbeat", 1)
    listed(site, error())
    site.cut()
    assert station(site).snapshot.unavailable is Reason.NOT_CONNECTED
    assert station(site).snapshot.faults is None
    site.mend()
    assert station(site).snapshot.unavailable is Reason.NOT_HEARD
    site.take()
    site.evse("heartbeat", 200)
    assert len(site.asked("active_errors")) == 1
    listed(site, error())
    assert station(site).snapshot.faults == {WARNING}


def test_a_restart_clears_what_was_wrong_with_the_station(site: Site) -> None:
    site.publish(ERRORS, "errors_1", "heartbeat", 1)
    for module in ("evse_1", "evse_2"):
        site.evse("heartbeat", 90, module)
    listed(site, error())
    assert station(site).snapshot.faults == {WARNING}
    site.wait(20)
    site.take()
    for module in ("evse_1", "evse_2"):
        site.evse("heartbeat", 0, module)
        assert station(site).snapshot.faults is None
    # The first request may have come before its module was ready.
    site.take()
    site.wait(4)
    listed(site, error("two", FAULT))
    assert station(site).snapshot.faults == {FAULT}


def test_errors_of_an_evse_by_choice_are_not_the_station_s(site: Site) -> None:
    site = chosen(site, evse_1={"errors": "errors_1"})
    site.publish(ERRORS, "errors_1", "heartbeat", 1)
    listed(site, error())
    assert site.node("evse_1").snapshot.faults == {WARNING}
    assert site.node("evse_2").snapshot.faults == frozenset()
    assert f"everest_station:{site.prefix}" not in site.hub.nodes
