"""The modules beside an EVSE's: whose they are, and what is wrong with the station."""

import itertools
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason

from .everest_modules import FAULT, WARNING, discovery, error, listed, raised
from .everest_site import ERRORS, EVSE, LIMITS, ROOT, Site


def cleared(site: Site, *errors: Any, module: str = "errors_1") -> None:
    """Let errors be cleared."""
    for each in errors:
        site.publish(ERRORS, module, "error_cleared", each | {"state": "ClearedByModule"})


@pytest.fixture(name="site", params=["", "site1/"])
def site_fixture(request: pytest.FixtureRequest) -> Site:
    """A station with one EVSE and a module that knows of its errors, none so far."""
    site = Site(request.param)
    site.evse("heartbeat", 100)
    site.info("Charging")
    site.publish(ERRORS, "errors_1", "heartbeat", 100)
    site.answer("session_info/get", {"state": "Charging"})
    listed(site)
    site.take()
    return site


# The errors ------------------------------------------------------------------------------


def test_raised_and_cleared(site: Site) -> None:
    raised(site, error())
    assert site.shown.faults == {WARNING}
    assert site.shown.problems == (WARNING,)
    raised(site, error("two", FAULT, sub_type="Initial communication check"))
    assert site.shown.problems == (WARNING, f"{FAULT}: Initial communication check")
    cleared(site, error())
    assert site.shown.problems == (f"{FAULT}: Initial communication check",)
    cleared(site, error("two", FAULT))
    assert site.shown.faults == frozenset()
    assert site.take() == []


def test_the_same_error_twice_is_there_until_both_are_cleared(site: Site) -> None:
    """A fault comes twice, of the driver and of EvseManager."""
    raised(site, error("one"), error("two", origin={"module_id": "connector_1"}))
    assert site.shown.problems == (WARNING,)
    cleared(site, error("one"))
    assert site.shown.problems == (WARNING,)
    cleared(site, error("two"))
    assert site.shown.problems == ()


def test_cleared_twice_or_never_raised(site: Site) -> None:
    raised(site, error("one"), error("two", FAULT))
    for uuid in ("one", "one", "three"):
        cleared(site, error(uuid))
    assert site.shown.faults == {FAULT}
    assert not site.hub.ignored


def test_raised_twice_is_cleared_once(site: Site) -> None:
    raised(site, error(), error())
    cleared(site, error())
    assert site.shown.faults == frozenset()


def test_a_list_that_was_overtaken_is_asked_for_again(site: Site) -> None:
    """It may have been made before the error was raised, and come after that."""
    site.evse("heartbeat", 0)
    raised(site, error("new"))
    listed(site)
    assert site.shown.faults == {WARNING}
    listed(site, error("new"), error("two", FAULT))
    assert site.shown.faults == {WARNING, FAULT}


def test_the_list_takes_the_place_of_what_was_known(site: Site) -> None:
    raised(site, error("one"), error("two", FAULT))
    site.evse("heartbeat", 0)
    listed(site, error("three", "generic/Other"), error("two", FAULT))
    assert site.shown.faults == {FAULT, "generic/Other"}
    cleared(site, error("three", "generic/Other"))
    assert site.shown.faults == {FAULT}
    site.evse("heartbeat", 50)
    site.evse("heartbeat", 0)
    listed(site)
    assert site.shown.faults == frozenset()


@pytest.mark.parametrize(
    "value",
    [
        error(uuid=""),
        error(uuid=None),
        error(uuid=5),
        error(uuid=["one"]),
        error(kind=None),
        error(kind=""),
        error(kind={}),
        {"uuid": "one"},
        {"type": WARNING},
        {},
    ],
)
def test_an_error_without_a_name_or_number_is_none(site: Site, value: Any) -> None:
    raised(site, error("two", FAULT), value)
    assert site.shown.faults == {FAULT}
    cleared(site, value)
    assert site.shown.faults == {FAULT}
    site.evse("heartbeat", 0)
    listed(site, error("two", FAULT), value)
    assert site.shown.faults == {FAULT}
    assert not site.hub.ignored


@pytest.mark.parametrize("sub_type", ["", None, 5, [], {}])
def test_what_more_is_said_need_not_make_sense(site: Site, sub_type: Any) -> None:
    raised(site, error(sub_type=sub_type))
    assert site.shown.faults == {WARNING}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"", "json"),
        (b"not json", "json"),
        (b"\xff\xfe", "encoding"),
        (b'"' + b"x" * 300_000 + b'"', "size"),
        (None, "shape"),
        ([], "shape"),
        (5, "shape"),
        ("text", "shape"),
    ],
    ids=["nothing", "text", "bytes", "too long", "null", "list", "number", "string"],
)
def test_garbage_is_counted_and_costs_only_itself(site: Site, value: Any, kind: str) -> None:
    raised(site, error())
    for variable in ("error_raised", "error_cleared"):
        site.publish(ERRORS, "errors_1", variable, value)
    assert site.hub.ignored == {kind: 2}
    site.evse("heartbeat", 0)
    raised(site, error())
    site.answer("active_errors", value)
    assert site.hub.ignored == {kind: 3}
    assert site.shown.faults == {WARNING}


@pytest.mark.parametrize(
    "answer",
    [{}, {"errors": None}, {"errors": {"one": {}}}, {"errors": "none"}, {"error": []}],
)
def test_an_answer_without_a_list_changes_nothing(site: Site, answer: Any) -> None:
    site.evse("heartbeat", 0)
    raised(site, error())
    site.answer("active_errors", answer)
    assert site.shown.faults == {WARNING}


def test_a_list_with_nonsense_in_it(site: Site) -> None:
    site.evse("heartbeat", 0)
    listed(site, None, 5, "x", [], {}, error(), [error("two", FAULT)])
    assert site.shown.faults == {WARNING}
    assert not site.hub.ignored


def test_a_flood_has_an_end(site: Site) -> None:
    raised(site, *(error(f"{number}", f"vendor/{number}") for number in range(300)))
    assert len(site.shown.faults) == 100
    cleared(site, *(error(f"{number}") for number in range(300)))
    assert site.shown.faults == frozenset()
    site.evse("heartbeat", 0)
    listed(site, *(error(f"{number}", f"vendor/{number}") for number in range(300)))
    assert len(site.shown.faults) == 100
    raised(site, error("one more"))
    assert len(site.shown.faults) == 100
    cleared(site, error("0"))
    raised(site, error("one more"))
    assert WARNING in site.shown.faults


def test_names_are_cut(site: Site) -> None:
    raised(site, error(kind="x" * 5000, sub_type="y" * 5000))
    [name] = site.shown.faults
    assert len(name) == 402


def test_an_error_is_published_at_once_and_once(site: Site) -> None:
    published: list[frozenset[str]] = []
    site.node().add_listener(lambda snapshot: published.append(snapshot.faults))
    raised(site, error(), error(), error("two"))
    site.publish(ERRORS, "errors_1", "heartbeat", 101)
    site.publish(ERRORS, "errors_1", "something_new", {"uuid": "x"})
    assert published == [{WARNING}]


# When it is asked ------------------------------------------------------------------------


def test_asked_as_soon_as_it_is_found() -> None:
    site = Site("site1/")
    site.evse("heartbeat", 100)
    assert site.asked("active_errors") == []
    site.publish(ERRORS, "errors_1", "heartbeat", 100)
    [(topic, payload)] = [each for each in site.hub.sent if "active_errors" in each[0]]
    assert topic == f"site1/{ROOT}/{ERRORS}/errors_1/m2e/active_errors"
    message = orjson.loads(payload)
    assert list(message) == ["headers"]
    reply_to = message["headers"]["replyTo"]
    assert reply_to.startswith(f"{ROOT}/{ERRORS}/errors_1/e2m/active_errors/")
    listed(site, error())
    assert site.shown.faults == {WARNING}
    # Once only.
    site.take()
    site.publish(ERRORS, "errors_1", "heartbeat", 101)
    site.publish(ERRORS, "errors_1", "error_raised", error("two", FAULT))
    assert site.asked("active_errors") == []


def test_what_was_raised_before_the_evse_was_there_is_listed() -> None:
    site = Site()
    raised(site, error())
    site.evse("heartbeat", 100)
    assert len(site.asked("active_errors")) == 1
    listed(site, error())
    assert site.shown.faults == {WARNING}


def test_asked_when_the_link_comes_up_again(site: Site) -> None:
    raised(site, error())
    site.cut()
    assert site.shown.unavailable is Reason.NOT_CONNECTED
    assert site.shown.faults == frozenset()
    site.mend()
    assert len(site.asked("active_errors")) == 1
    site.evse("heartbeat", 200)
    listed(site, error("two", FAULT))
    assert site.shown.faults == {FAULT}


def test_an_answer_may_come_before_the_evse_says_anything(site: Site) -> None:
    """Each module answers on its own, in any order."""
    site.cut()
    site.mend()
    listed(site, error())
    assert site.shown.unavailable is Reason.NOT_HEARD
    site.evse("heartbeat", 200)
    assert site.shown.available
    if len(site.asked("active_errors")) > 1:
        listed(site, error())
    assert site.shown.faults == {WARNING}


def test_what_was_cleared_while_nobody_listened_does_not_come_back(site: Site) -> None:
    raised(site, error("one"))
    site.cut()
    site.mend()
    site.evse("heartbeat", 200)
    # The answer is still on its way.
    raised(site, error("two", FAULT))
    assert WARNING not in site.shown.faults
    listed(site, error("two", FAULT))
    assert site.shown.faults == {FAULT}


def test_an_answer_of_before_the_link_was_lost_is_not_taken(site: Site) -> None:
    site.evse("heartbeat", 0)
    old = site.asked("active_errors")[-1]["headers"]["replyTo"]
    site.cut()
    site.mend()
    site.evse("heartbeat", 200)
    listed(site)
    site.hub.feed(f"{site.prefix}{old}", {"errors": [error()]})
    assert site.shown.faults == frozenset()


def test_asked_when_the_station_was_restarted(site: Site) -> None:
    raised(site, error())
    site.evse("heartbeat", 101)
    assert site.asked("active_errors") == []
    site.evse("heartbeat", 0)
    assert len(site.asked("active_errors")) == 1
    listed(site, error("new", FAULT))
    assert site.shown.faults == {FAULT}


def test_a_restart_clears_what_was_wrong_before(site: Site) -> None:
    """EVerest does not report that a restart clears an error, and a reply may not come."""
    raised(site, error())
    site.evse("heartbeat", 0)
    raised(site, error("new", FAULT))
    site.wait(1)
    assert site.shown.faults == {FAULT}


def test_gone_while_not_available_and_back(site: Site) -> None:
    raised(site, error())
    site.wait(31)
    assert site.shown.unavailable is Reason.SILENT
    assert site.shown.faults == frozenset()
    # Meanwhile, the other module may continue.
    raised(site, error("two", FAULT))
    assert site.shown.faults == frozenset()
    site.take()
    site.evse("heartbeat", 300)
    assert len(site.asked("active_errors")) == 1
    listed(site, error(), error("two", FAULT))
    assert site.shown.faults == {WARNING, FAULT}


# Whose they are --------------------------------------------------------------------------

#: The first message of each module.
FIRST = {
    "evse": lambda site: site.info("Charging"),
    "errors": lambda site: site.publish(ERRORS, "errors_1", "heartbeat", 1),
    "limits": lambda site: site.publish(LIMITS, "limits_1", "heartbeat", 1),
}


@pytest.mark.parametrize("order", list(itertools.permutations(FIRST)))
def test_the_order_of_appearance_does_not_matter(order: tuple[str, ...]) -> None:
    site = Site()
    for name in order:
        FIRST[name](site)
    assert Feature.MAX_CURRENT in site.shown.capabilities.controls
    listed(site, error())
    assert site.shown.faults == {WARNING}
    assert len(site.asked("active_errors")) == 1


@pytest.mark.parametrize(
    "order", list(itertools.permutations([EVSE, ERRORS, LIMITS])), ids=lambda kinds: kinds[0]
)
def test_a_discovery_names_them(order: tuple[str, ...]) -> None:
    names = {EVSE: "evse_1", ERRORS: "errors_1", LIMITS: "limits_1"}
    site = Site("site1/")
    reply_to = discovery(site)
    for kind in order:
        api = {"module_id": names[kind], "type": kind, "version": 1}
        site.hub.feed(reply_to, {"apis": [api]})
    assert list(site.hub.nodes) == ["everest:site1/evse_1"]
    assert Feature.MAX_CURRENT in site.shown.capabilities.controls
    listed(site, error())
    assert site.shown.faults == {WARNING}


def test_all_may_be_named_in_one_answer() -> None:
    site = Site()
    kinds = ((LIMITS, "limits_1"), (ERRORS, "errors_1"), (EVSE, "evse_1"), ("system", "s"))
    site.hub.feed(
        discovery(site),
        {"apis": [{"module_id": module, "type": kind, "version": 1} for kind, module in kinds]},
    )
    assert Feature.MAX_CURRENT in site.shown.capabilities.controls
    assert site.asked("active_errors")


@pytest.mark.parametrize(
    "api",
    [
        {"module_id": "x", "type": ERRORS, "version": 2},
        {"module_id": "a/b", "type": ERRORS},
        {"module_id": "#", "type": LIMITS},
        {"module_id": "", "type": LIMITS},
        {"module_id": None, "type": LIMITS},
        {"module_id": ["x"], "type": LIMITS},
        {"module_id": "x", "type": [LIMITS]},
        {"module_id": "x", "type": {}},
        {"module_id": "x", "type": 5},
        {"module_id": "x"},
    ],
)
def test_nonsense_in_a_discovery_is_no_module(api: dict[str, Any]) -> None:
    """And it costs nothing but itself."""
    site = Site()
    good = {"module_id": "evse_1", "type": EVSE, "version": 1}
    site.hub.feed(discovery(site), {"apis": [api, good]})
    assert list(site.hub.nodes) == ["everest:evse_1"]
    assert not site.hub.ignored
    assert Feature.MAX_CURRENT not in site.shown.capabilities.controls
    assert site.asked("active_errors") == []


def test_of_two_evses_nobody_gets_them(site: Site) -> None:
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    raised(site, error())
    assert site.shown.faults == {WARNING}
    site.evse("heartbeat", 1, "evse_2")
    raised(site, error("two", FAULT))
    for module in ("evse_1", "evse_2"):
        shown = site.node(module).snapshot
        assert shown.faults == frozenset()
        assert Feature.MAX_CURRENT not in shown.capabilities.controls
    # Only the station asks for them.
    site.take()
    site.cut()
    site.mend()
    assert site.asked("active_errors") == []
    site.evse("heartbeat", 0, "evse_2")
    assert len(site.asked("active_errors")) == 1


def test_two_evses_before_any_of_them() -> None:
    site = Site()
    for module in ("evse_1", "evse_2"):
        site.evse("heartbeat", 1, module)
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    raised(site, error())
    for module in ("evse_1", "evse_2"):
        assert site.node(module).snapshot.faults == frozenset()
        assert Feature.MAX_CURRENT not in site.node(module).snapshot.capabilities.controls


def test_of_two_modules_of_a_kind_none_belongs_to_it(site: Site) -> None:
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    raised(site, error())
    site.publish(ERRORS, "errors_2", "heartbeat", 1)
    raised(site, error("two", FAULT))
    raised(site, error("three", FAULT), module="errors_2")
    assert site.shown.faults == frozenset()
    # The other kind is certain as before.
    assert Feature.MAX_CURRENT in site.shown.capabilities.controls


def test_prefixes_do_not_mix() -> None:
    home, away = Site(""), Site("site1/")
    away.hub = home.hub
    for site in (home, away):
        site.evse("heartbeat", 1)
    raised(home, error())
    away.publish(LIMITS, "limits_1", "heartbeat", 1)
    home.answer("active_errors", {"errors": [error()]})
    assert home.shown.faults == {WARNING}
    assert away.shown.faults == frozenset()
    assert Feature.MAX_CURRENT not in home.shown.capabilities.controls
    assert Feature.MAX_CURRENT in away.shown.capabilities.controls
    # The same name under another prefix is another module.
    raised(away, error("two", FAULT))
    assert home.shown.faults == {WARNING}
    away.answer("active_errors", {"errors": [error("two", FAULT)]})
    assert (home.shown.faults, away.shown.faults) == ({WARNING}, {FAULT})


def test_replies_to_others_are_not_ours(site: Site) -> None:
    root = f"{site.prefix}{ROOT}/{ERRORS}"
    for topic in (
        f"{root}/errors_1/e2m/active_errors/4f1d",
        f"{root}/errors_1/e2m/get_errors/4f1d",
        f"{root}/errors_2/e2m/active_errors/4f1d",
        f"{site.prefix}fimp_test/4f1d",
    ):
        site.hub.feed(topic, {"errors": [error()]})
    assert site.shown.faults == frozenset()
    assert not site.hub.ignored
    # Nor do they make a second module.
    raised(site, error())
    assert site.shown.faults == {WARNING}


def test_an_answer_is_taken_once(site: Site) -> None:
    site.evse("heartbeat", 0)
    listed(site, error())
    listed(site)
    assert site.shown.faults == {WARNING}


@pytest.mark.parametrize(
    ("kind", "variable", "value"),
    [
        (ERRORS, "heartbeat", "x"),
        (ERRORS, "heartbeat", None),
        (ERRORS, "heartbeat", True),
        (ERRORS, "error_raised", {"type": WARNING}),
        (ERRORS, "error_raised", [1]),
        (ERRORS, "something", {"uuid": "x"}),
        (LIMITS, "heartbeat", {"a": 1}),
        (LIMITS, "capabilities", {}),
        (LIMITS, "capabilities", None),
        (LIMITS, "something", 5),
    ],
)
def test_nonsense_makes_no_module(kind: str, variable: str, value: Any) -> None:
    """A module that is none would take away what the real one is good for."""
    site = Site()
    site.info("Charging")
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    site.publish(ERRORS, "errors_1", "heartbeat", {})
    site.publish(kind, "other", variable, value)
    raised(site, error())
    assert site.shown.faults == {WARNING}
    assert Feature.MAX_CURRENT in site.shown.capabilities.controls


@pytest.mark.parametrize(
    ("kind", "variable", "value"),
    [
        (ERRORS, "heartbeat", 7),
        (ERRORS, "heartbeat", {}),
        (ERRORS, "error_raised", error()),
        (ERRORS, "error_cleared", error()),
        (LIMITS, "heartbeat", 7),
        (
            LIMITS,
            "capabilities",
            {"max_current_A": 16.0, "max_phase_count": 3, "nominal_voltage_V": 230.0},
        ),
        (LIMITS, "enforced_limits", {"limits_root_side": {}}),
    ],
)
def test_any_of_its_own_words_makes_it_known(kind: str, variable: str, value: Any) -> None:
    site = Site()
    site.info("Charging")
    site.publish(kind, "module", variable, value)
    if kind == ERRORS:
        assert len(site.asked("active_errors")) == 1
    else:
        assert Feature.MAX_CURRENT in site.shown.capabilities.controls


def test_they_do_not_keep_an_evse_alive(site: Site) -> None:
    for _ in range(7):
        site.wait(5)
        site.publish(ERRORS, "errors_1", "heartbeat", 1)
        raised(site, error())
    assert site.shown.unavailable is Reason.SILENT
