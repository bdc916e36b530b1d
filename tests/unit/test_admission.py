"""Not more new nodes at a time than anybody installs; what is registered has its place."""

from collections.abc import Callable, Iterable
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint import admission
from custom_components.fimp_chargepoint.chargepoint.admission import (
    NEW_MAX,
    NEW_WITHIN,
    WAITING_MAX,
)
from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.model import Feature
from custom_components.fimp_chargepoint.chargepoint.notices import NewNodesWait

from .everest_site import ERRORS, EVSE, LIMITS, ROOT
from .fakes import UNTHROTTLED, OfflineHub

TOKENS, OCPP = "auth_token_provider", "ocpp_consumer"


def report(**fields: Any) -> dict[str, Any]:
    """Return what proves a FIMP charge point."""
    return {"type": "evt.state.report", "val_t": "string", "val": "disconnected"} | fields


def fimp(name: object, adapter: str = "easee") -> str:
    """Return the topic of a FIMP charge point's reports."""
    return f"pt:j1/mt:evt/rt:dev/rn:{adapter}/ad:1/sv:chargepoint/ad:{name}"


class Crowd:
    """A hub on which many turn up, in one of the languages that are spoken there."""

    def __init__(self, language: str = "fimp", known: Iterable[object] = ()) -> None:
        """Know charge points by the names that `report` gives them."""
        self.language = language
        self.hub = OfflineHub(known=[self.address(each) for each in known])
        self.hub.connection_made()

    def address(self, name: object) -> str:
        """Return the address of the node with a name."""
        return {
            "fimp": f"fimp:easee/1/{name}",
            "v1": f"everest:{name}",
            "legacy": f"everest_legacy:{name}",
            "ocpp": f"everest_ocpp:{name}",
        }[self.language]

    def report(self, *names: object) -> None:
        """Let all of them report, and pass the time that identifying them takes."""
        for name in names:
            topic, payload = {
                "fimp": (fimp(name), report()),
                "v1": (f"{ROOT}/{EVSE}/{name}/e2m/heartbeat", 1),
                "legacy": (f"everest_api/{name}/var/session_info", {"state": "Unplugged"}),
                "ocpp": (f"{ROOT}/{OCPP}/{name}/e2m/is_connected", True),
            }[self.language]
            self.hub.feed(topic, payload)
        self.wait(5)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.hub.advance(self.hub.clock.time + seconds)

    def there(self, *names: object) -> bool:
        """Whether there is a node for each of them."""
        return {self.address(each) for each in names} <= self.hub.nodes.keys()

    @property
    def received(self) -> tuple[str, str] | None:
        """The warning for the user: how many wait, and some of them."""
        found = [each for each in self.hub.warnings.values() if isinstance(each, NewNodesWait)]
        return (found[0].count, found[0].examples) if found else None


def names(count: int, start: int = 0) -> list[str]:
    """Return invented names."""
    return [f"n{each}" for each in range(start, start + count)]


@pytest.fixture(name="crowd", params=["fimp", "v1", "legacy", "ocpp"])
def crowd_fixture(request: pytest.FixtureRequest) -> Crowd:
    """A hub without nodes."""
    return Crowd(request.param)


def test_some_come_in_and_the_others_wait(crowd: Crowd) -> None:
    crowd.report(*names(NEW_MAX))
    assert crowd.there(*names(NEW_MAX))
    assert crowd.received is None
    crowd.report(*names(6, NEW_MAX))
    assert len(crowd.hub.nodes) == NEW_MAX
    first = ", ".join(crowd.address(each).partition(":")[2] for each in names(3, NEW_MAX))
    assert crowd.received == ("6", first)
    # Those that were added are received as before.
    crowd.report(*names(NEW_MAX))
    assert len(crowd.hub.nodes) == NEW_MAX
    assert not crowd.hub.ignored


def test_a_flood(crowd: Crowd) -> None:
    """It makes no devices, no requests, and one warning."""
    events: list[object] = []
    crowd.hub.add_listener(events.append)
    crowd.report(*names(NEW_MAX))
    sent = len(crowd.hub.sent)
    before = len(events)
    crowd.report(*names(3000, NEW_MAX))
    if crowd.language == "legacy":
        # Everything is repeated every second, so what is too much at a time may come later.
        crowd.report(*names(3000, NEW_MAX))
    assert len(crowd.hub.nodes) == NEW_MAX
    assert len(crowd.hub.admission.waiting) == WAITING_MAX
    assert crowd.received is not None
    assert crowd.received[0] == "1000+"
    assert len(events) - before <= 2
    # Only those that were added get requests, from time to time.
    assert len(crowd.hub.sent) - sent <= 3 * NEW_MAX


def test_what_is_registered_has_its_place(crowd: Crowd) -> None:
    """Also if unknown ones report first, however many there are."""
    registered = names(200, 5000)
    crowd = Crowd(crowd.language, registered)
    crowd.report(*names(3000))
    crowd.report(*registered)
    assert crowd.there(*registered)
    assert len(crowd.hub.nodes) == NEW_MAX + 200


def test_over_the_time_more_come_in(crowd: Crowd) -> None:
    crowd.report(*names(NEW_MAX - 1))
    crowd.wait(NEW_WITHIN)
    crowd.report(*names(NEW_MAX, NEW_MAX))
    assert crowd.received is None
    assert len(crowd.hub.nodes) == 2 * NEW_MAX - 1


def test_nobody_overtakes_those_that_wait(crowd: Crowd) -> None:
    """A flood that lasts for days does not become a device every ten seconds."""
    crowd.report(*names(NEW_MAX + 1))
    crowd.wait(NEW_WITHIN)
    crowd.report(*names(5, 1000))
    assert len(crowd.hub.nodes) == NEW_MAX
    assert crowd.received is not None
    assert crowd.received[0] == "6"


def test_let_in(crowd: Crowd) -> None:
    crowd.report(*names(NEW_MAX + 200))
    crowd.hub.admission.admit_all()
    assert crowd.received is None
    crowd.wait(5)
    # Some are found with their next report.
    if crowd.language != "fimp":
        crowd.report(*names(NEW_MAX + 200))
    assert crowd.there(*names(NEW_MAX + 200))
    # They came by themselves no more than those before them; others may.
    crowd.report(*names(NEW_MAX, 1000))
    assert crowd.there(*names(NEW_MAX, 1000))
    crowd.report("one_more")
    assert crowd.received is not None
    assert crowd.received[0] == "1"


def test_letting_in_nobody(crowd: Crowd) -> None:
    crowd.hub.admission.admit_all()
    crowd.wait(5)
    assert crowd.hub.nodes == {}


def test_who_is_silent_is_forgotten(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "PATIENCE", 60.0)
    crowd.report(*names(NEW_MAX))
    crowd.report(*names(2, NEW_MAX))
    crowd.wait(30)
    crowd.report("n64")
    crowd.wait(30)
    assert crowd.received is not None
    assert crowd.received[0] == "1"
    crowd.wait(30)
    assert crowd.received is None
    crowd.wait(NEW_WITHIN)
    crowd.report(*names(2, NEW_MAX))
    assert crowd.there(*names(2, NEW_MAX))


def test_those_heard_last_are_kept(crowd: Crowd) -> None:
    """A real charge point reports again; most of a flood does not."""
    crowd.report(*names(NEW_MAX), "real")
    for start in range(1000, 3000, 500):
        crowd.report(*names(500, start), "real")
    assert crowd.address("real") in crowd.hub.admission.waiting
    crowd.hub.admission.admit_all()
    crowd.wait(5)
    crowd.report("real")
    assert crowd.there("real")


def test_a_link_that_breaks_changes_nothing(crowd: Crowd) -> None:
    crowd = Crowd(crowd.language, ["registered"])
    crowd.report(*names(NEW_MAX + 3))
    crowd.hub.connection_lost(NotConnectedError("gone"))
    crowd.hub.connection_made()
    crowd.report(*names(NEW_MAX + 3), "registered")
    assert len(crowd.hub.nodes) == NEW_MAX + 1
    assert crowd.received is not None
    assert crowd.received[0] == "3"


@pytest.mark.parametrize("payload", [b"", b"nonsense", [], {}, {"type": 7}, None])
def test_nonsense_takes_nobody_s_place(crowd: Crowd, payload: Any) -> None:
    for name in names(NEW_MAX + 5):
        for topic in (
            fimp(name),
            f"{ROOT}/{EVSE}/{name}/e2m/session_info",
            f"everest_api/{name}/var/session_info",
            f"{ROOT}/{OCPP}/{name}/e2m/boot_notification_response",
        ):
            crowd.hub.feed(topic, payload)
    crowd.report(*names(NEW_MAX))
    assert crowd.there(*names(NEW_MAX))
    assert crowd.received is None


def test_one_that_fails_costs_no_other_one() -> None:
    """Each one is added on its own."""
    hub = OfflineHub()
    came: list[str] = []

    def let_in(name: str) -> Callable[[float], None]:
        def come(_: float) -> None:
            came.append(name)
            if name == "n65":
                raise RuntimeError("not this one")

        return come

    for name in names(NEW_MAX + 4):
        hub.admission.admits(name, hub.clock.time, let_in(name))
    hub.admission.admit_all()
    hub.advance(hub.clock.time + 1)
    assert came == ["n64", "n65", "n66", "n67"]
    assert hub.ignored["internal"] == 1


# FIMP ------------------------------------------------------------------------------------


def service(name: str) -> dict[str, Any]:
    """Return a charge point's service, as an inclusion report has it."""
    address = f"/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:{name}"
    return {"name": "chargepoint", "address": address, "interfaces": []}


def adapter_says(hub: OfflineHub, kind: str, value: Any) -> None:
    """Let an adapter report."""
    message = {"type": kind, "serv": "easee", "val_t": "object", "val": value}
    hub.feed("pt:j1/mt:evt/rt:ad/rn:easee/ad:1", message)


def included(name: str) -> dict[str, Any]:
    """Return an inclusion report."""
    return {"address": name, "services": [service(name)], "product_name": "Box"}


def test_things_that_are_only_listed() -> None:
    """Inclusion reports, and the list of a hub, can make up as many as messages can."""
    crowd = Crowd(known=["mine"])
    for name in names(NEW_MAX + 10):
        adapter_says(crowd.hub, "evt.thing.inclusion_report", included(name))
    devices = [
        {
            "id": number,
            "fimp": {"adapter": "easee", "address": name},
            "services": {"chargepoint": {"addr": service(name)["address"], "intf": []}},
        }
        for number, name in enumerate([*names(3000, 5000), "mine"])
    ]
    for device in devices:
        notice = {"cmd": "add", "component": "device", "id": device["id"], "param": device}
        message = {"type": "evt.pd7.notify", "val_t": "object", "val": notice}
        crowd.hub.feed("pt:j1/mt:evt/rt:app/rn:vinculum/ad:1", message)
    crowd.wait(5)
    assert len(crowd.hub.nodes) == NEW_MAX + 1
    assert crowd.there("mine")


def test_the_list_of_a_hub_has_a_place_for_what_is_registered() -> None:
    crowd = Crowd(known=["mine"])
    devices = [
        {
            "id": number,
            "client": {"name": f"Number {number}"},
            "services": {"chargepoint": {"addr": service(name)["address"], "intf": []}},
        }
        for number, name in enumerate([*names(3000), "mine"])
    ]
    (topic,) = [each for each in crowd.hub.filters if "/mt:rsp/" in each]
    answer = {"param": {"device": devices, "room": []}}
    message = {"type": "evt.pd7.response", "val_t": "object", "val": answer}
    crowd.hub.feed(topic.replace("+/", "pt:j1/", 1), message)
    crowd.wait(5)
    assert crowd.hub.nodes[crowd.address("mine")].snapshot.identity.name == "Number 3000"
    assert len(crowd.hub.nodes) == NEW_MAX + 1


def test_what_is_registered_is_asked_for_first() -> None:
    """Many things that an adapter has invented do not keep other requests from being sent."""
    crowd = Crowd(known=["3_1"])
    (asked,) = [
        orjson.loads(payload)
        for topic, payload in crowd.hub.sent
        if b"get_inclusion_report" in payload
    ]
    assert asked["val"] == "3"
    things = [{"address": name, "status": "UP"} for name in names(3000)]
    adapter_says(crowd.hub, "evt.network.all_nodes_report", things)
    adapter_says(crowd.hub, "evt.thing.inclusion_report", included("3") | {"address": "3"})
    adapter_says(
        crowd.hub,
        "evt.thing.inclusion_report",
        {"address": "3", "services": [service("3_1")], "product_name": "Box"},
    )
    assert crowd.there("3_1")


def test_excluded_while_it_waits() -> None:
    crowd = Crowd()
    crowd.report(*names(NEW_MAX), "7_1", "7_2", "8")
    adapter_says(crowd.hub, "evt.thing.exclusion_report", {"address": "7"})
    crowd.wait(5)
    assert crowd.received is not None
    assert crowd.received[0] == "1"
    adapter_says(crowd.hub, "evt.thing.exclusion_report", {"address": "8"})
    crowd.wait(5)
    assert crowd.received is None


def test_excluded_and_included_again() -> None:
    """A charge point that was removed from its system is new when it comes back."""
    crowd = Crowd(known=["1"])
    crowd.report("1", *names(NEW_MAX))
    adapter_says(crowd.hub, "evt.thing.exclusion_report", {"address": "1"})
    assert not crowd.there("1")
    crowd.report("1")
    assert not crowd.there("1")
    assert crowd.received is not None


def test_let_in_after_its_last_word() -> None:
    """A FIMP charge point may have nothing to report for days, so it is asked."""
    crowd = Crowd()
    crowd.report(*names(NEW_MAX), "last")
    crowd.hub.take_sent()
    crowd.hub.admission.admit_all()
    crowd.wait(1)
    assert crowd.hub.take_sent("ad:last")
    crowd.wait(5)
    assert crowd.there("last")


# EVerest -----------------------------------------------------------------------------------


def test_a_station_of_both_apis_is_counted_once() -> None:
    """A station that is left to v1 takes no place."""
    crowd = Crowd("v1")
    stations = names(40)
    for name in stations:
        crowd.hub.feed(f"everest_api/{name}/var/session_info", {"state": "Unplugged"})
    crowd.report(*stations)
    crowd.wait(70)
    assert set(crowd.hub.nodes) == {crowd.address(each) for each in stations}
    crowd.report(*names(24, 100))
    assert crowd.received is None


def test_a_module_that_may_be_that_of_one_who_waits() -> None:
    """A module that belongs to a waiting EVSE limits no other one."""
    crowd = Crowd("v1", known=["mine"])
    crowd.report("mine")
    crowd.hub.feed(f"{ROOT}/{LIMITS}/limits/e2m/heartbeat", 1)
    mine = crowd.hub.nodes[crowd.address("mine")]
    assert Feature.MAX_CURRENT in mine.snapshot.capabilities.controls
    # The places are taken by others.
    for number in range(NEW_MAX + 1):
        crowd.hub.feed(fimp(number), report())
    crowd.report("another")
    assert not crowd.there("another")
    assert Feature.MAX_CURRENT not in mine.snapshot.capabilities.controls
    # The user can decide it.
    assert [each.address for each in crowd.hub.module_choices.open] == [crowd.address("mine")]


def test_a_flood_of_modules() -> None:
    """They were not chosen; the chosen ones are found among them."""
    modules = {"everest:mine": {"limits": "chosen"}}
    hub = OfflineHub(options=UNTHROTTLED.__replace__(modules=modules), known=["everest:mine"])
    hub.connection_made()
    for kind in (ERRORS, LIMITS, TOKENS):
        for name in names(1500):
            hub.feed(f"{ROOT}/{kind}/{name}/e2m/heartbeat", 1)
    hub.feed(f"{ROOT}/{EVSE}/mine/e2m/heartbeat", 1)
    hub.feed(f"{ROOT}/{LIMITS}/chosen/e2m/heartbeat", 1)
    assert Feature.MAX_CURRENT in hub.nodes["everest:mine"].snapshot.capabilities.controls
    offered = [each for each in hub.module_choices.open if each.kind == "limits"]
    assert len(offered[0].modules) <= 2001
