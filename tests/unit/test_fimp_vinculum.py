"""The device list of a Futurehome hub: names, rooms, and which things need not be asked."""

import re
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.capabilities import Range
from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.hub import NodeAdded, NodeRemoved
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Feature,
    NodeKind,
    Reason,
)
from tests.helpers.recordings import RECORDINGS

from .fakes import OfflineHub
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, inclusion, kinds, report, state
from .fimp_vinculum import ROOMS, answer, device, reply_topic

VINCULUM = "pt:j1/mt:evt/rt:app/rn:vinculum/ad:1"
ASKED = "cmd.thing.get_inclusion_report"


LAMP = {"id": 50, "services": {"out_bin_switch": {"addr": "/rt:dev/rn:zigbee/ad:1"}}}


def notice(cmd: str, number: Any, component: str = "device", **param: Any) -> dict[str, Any]:
    value = {"cmd": cmd, "component": component, "id": number, "param": param or None}
    return report("evt.pd7.notify", "object", value)


def things(count: int) -> dict[str, Any]:
    nodes = [{"address": str(number), "status": "UP"} for number in range(1, count + 1)]
    return report("evt.network.all_nodes_report", "object", nodes)


def asked_about(hub: OfflineHub) -> set[str]:
    """Return the things that were asked about."""
    return {orjson.loads(payload)["val"] for _, payload in hub.take_sent(ASKED)}


class Directory:
    """A hub, and the topic its device list is expected on."""

    def __init__(self, prefixes: tuple[str, ...] = ("",)) -> None:
        self.hub = OfflineHub(prefixes)
        self.hub.connection_made()
        self.replies = {each: each + reply_topic(self.hub, each) for each in prefixes}
        self.hub.take_sent()

    def reply(self, *devices: Any, prefix: str = "", **fields: Any) -> None:
        self.hub.feed(self.replies[prefix], answer(*devices, **fields))

    def notify(self, *args: Any, **fields: Any) -> None:
        self.hub.feed(VINCULUM, notice(*args, **fields))

    def snapshot(self, address: str = ADDRESS) -> ChargepointSnapshot:
        snapshot = self.hub.nodes[address].snapshot
        assert isinstance(snapshot, ChargepointSnapshot)
        return snapshot

    @property
    def shown(self) -> tuple[str, str | None]:
        """The name and the room that a person sees."""
        identity = self.snapshot().identity
        return identity.name, identity.area


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def garage(directory: Directory) -> Directory:
    directory.reply(device(), LAMP)
    directory.hub.advance(directory.hub.clock.time + 5)
    directory.hub.take_sent()
    return directory


# The question ------------------------------------------------------------------------


def test_the_question_as_vinculum_wants_it() -> None:
    hub = OfflineHub()
    hub.connection_made()
    message = orjson.loads(
        next(payload for topic, payload in hub.sent if topic.endswith("/rn:vinculum/ad:1"))
    )
    assert (message["type"], message["serv"]) == ("cmd.pd7.request", "vinculum")
    assert message["val_t"] == "object"
    assert message["val"]["cmd"] == "get"
    assert message["val"]["param"] == {"components": ["device", "room"]}
    assert {"component", "id", "requestId"} <= set(message["val"])
    assert message["resp_to"] == reply_topic(hub)


def test_each_hub_is_answered_on_a_topic_of_its_own() -> None:
    topics = []
    for _ in range(3):
        hub = OfflineHub()
        hub.connection_made()
        topics.append(reply_topic(hub))
        assert "+/" + topics[-1].removeprefix("pt:j1/") in hub.filters
    assert len(set(topics)) == 3
    for topic in topics:
        assert re.fullmatch(r"pt:j1/mt:rsp/rt:app/rn:fimp_chargepoint/ad:[0-9a-z]+", topic)


def test_the_answer_to_somebody_else_is_not_ours(directory: Directory) -> None:
    other = Directory()
    directory.hub.feed(other.replies[""], answer(device()))
    assert directory.hub.nodes == {}


def test_it_is_asked_again_after_a_lost_connection(garage: Directory) -> None:
    garage.hub.connection_lost(NotConnectedError("gone"))
    garage.hub.connection_made()
    assert reply_topic(garage.hub) == garage.replies[""]
    garage.reply(device(client={"name": "New"}))
    assert garage.shown == ("New", "Carport")


# The answer --------------------------------------------------------------------------


def test_a_device_with_all_its_fields_makes_a_charge_point(directory: Directory) -> None:
    path = RECORDINGS / "fimp" / "vinculum" / "device.json"
    events: list[object] = []
    directory.hub.add_listener(events.append)
    directory.reply(orjson.loads(path.read_bytes()))
    address = "fimp:cloud_adapter/1/5_1"
    assert events == [NodeAdded(directory.hub.nodes[address])]
    snapshot = directory.snapshot(address)
    assert snapshot.identity.name == "Driveway"
    assert snapshot.identity.model == "Futurehome Charge"
    assert snapshot.identity.area == "Carport"
    assert snapshot.identity.serial_number is None
    assert snapshot.unavailable is Reason.NOT_HEARD
    capabilities = snapshot.capabilities
    assert capabilities.controls == {
        Feature.CHARGING,
        Feature.CABLE_LOCK,
        Feature.MAX_CURRENT,
        Feature.SESSION_CURRENT,
        Feature.RESTART,
    }
    assert capabilities.ranges[Feature.MAX_CURRENT] == Range(6, 16, 1)
    assert {
        Feature.CABLE_LOCK,
        Feature.MAX_CURRENT,
        Feature.POWER,
        Feature.ENERGY,
        Feature.CURRENT_L1,
        Feature.VOLTAGE_L3,
    } <= capabilities.reports
    asked = kinds(directory.hub)
    for kind in ("state", "current_session", "cable_lock", "max_current", "meter", "meter_ext"):
        assert f"cmd.{kind}.get_report" in asked
    assert "cmd.sup_params.get_report" in asked
    assert "cmd.phase_mode.get_report" not in asked


def test_the_users_name_and_room_are_shown(garage: Directory) -> None:
    assert garage.shown == ("Garage", "Carport")
    assert garage.snapshot().identity.model == "Easee Home"
    assert set(garage.hub.nodes) == {ADDRESS}
    assert not garage.hub.ignored


def test_an_adapter_that_never_answers_is_no_obstacle(garage: Directory) -> None:
    garage.hub.advance(garage.hub.clock.time + 60)
    garage.hub.feed(CHARGER, state("charging"))
    assert garage.snapshot().available
    assert garage.shown == ("Garage", "Carport")
    assert Feature.CABLE_LOCK in garage.snapshot().capabilities.controls


@pytest.mark.parametrize("first", ["list", "inclusion"])
def test_an_inclusion_report_adds_to_the_list(directory: Directory, first: str) -> None:
    included = inclusion(interfaces=["cmd.max_current.set"], props={"sup_max_current": 32})
    included["val"] |= {"device_id": "EH123456", "sw_ver": "1.2", "hw_ver": "A"}
    if first == "list":
        directory.reply(device())
        directory.hub.feed(ADAPTER, included)
    else:
        directory.hub.feed(ADAPTER, included)
        directory.reply(device())
    assert directory.shown == ("Garage", "Carport")
    identity = directory.snapshot().identity
    assert identity.manufacturer == "Easee"
    assert identity.model == "Easee Home"
    assert identity.serial_number == "EH123456"
    assert (identity.sw_version, identity.hw_version) == ("1.2", "A")
    # The adapter's reports about its own thing are newer than the hub's copy.
    capabilities = directory.snapshot().capabilities
    assert capabilities.ranges[Feature.MAX_CURRENT].maximum == 32
    assert Feature.MAX_CURRENT in capabilities.controls
    # Reported again, with another name of the product: the user's name stays.
    included["val"]["product_name"] = "Easee Charge"
    directory.hub.feed(ADAPTER, included)
    assert directory.shown == ("Garage", "Carport")
    assert directory.snapshot().identity.model == "Easee Charge"


def test_a_charge_point_that_spoke_first_takes_the_users_name(directory: Directory) -> None:
    events: list[object] = []
    directory.hub.add_listener(events.append)
    directory.hub.feed(CHARGER, state("charging"))
    assert directory.hub.nodes == {}
    directory.reply(device())
    assert events == [NodeAdded(directory.hub.nodes[ADDRESS])]
    assert directory.shown == ("Garage", "Carport")
    assert directory.snapshot().charging is True


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"client": None}, ("easee 1", "Carport")),
        ({"client": {"name": ""}}, ("easee 1", "Carport")),
        ({"client": {"name": 5}}, ("easee 1", "Carport")),
        ({"client": {"name": "  Barn "}}, ("Barn", "Carport")),
        ({"room": 3}, ("Garage", "Garden")),
        ({"room": None}, ("Garage", None)),
        ({"room": 4}, ("Garage", None)),
        ({"room": 99}, ("Garage", None)),
        ({"room": [2]}, ("Garage", None)),
        ({"room": {"id": 2}}, ("Garage", None)),
        ({"room": True}, ("Garage", None)),
        ({"modelAlias": None}, ("Garage", "Carport")),
    ],
)
def test_names_and_rooms_that_are_missing(
    directory: Directory, fields: dict[str, Any], shown: tuple[str, str | None]
) -> None:
    # One room has the id 1, and True is not an id.
    directory.reply(device(**fields), rooms=[*ROOMS, {"id": 1, "alias": "Attic"}])
    assert directory.shown == shown
    assert "internal" not in directory.hub.ignored


@pytest.mark.parametrize("number", [None, True, 7.5, [7], {"id": 7}])
def test_a_device_without_a_proper_id_is_left_out(directory: Directory, number: Any) -> None:
    directory.reply(device(number), device(8, "2"))
    assert set(directory.hub.nodes) == {"fimp:easee/1/2"}
    assert "internal" not in directory.hub.ignored


@pytest.mark.parametrize("services", [None, [], {}, {"chargepoint": None}, {"chargepoint": {}}])
def test_a_device_without_a_proper_address_is_left_out(directory: Directory, services: Any) -> None:
    directory.reply(device(services=services), device(8, "2"))
    assert set(directory.hub.nodes) == {"fimp:easee/1/2"}
    assert not directory.hub.ignored


@pytest.mark.parametrize(
    "fields", [{"services": None}, {"services": {}}, {"services": {"chargepoint": None}}]
)
def test_a_device_that_is_still_listed_is_not_gone(
    garage: Directory, fields: dict[str, Any]
) -> None:
    """The next list may be damaged; that deletes nothing."""
    garage.reply(device(**fields), LAMP)
    assert set(garage.hub.nodes) == {ADDRESS}


def test_a_device_that_is_not_listed_any_longer_is_gone(garage: Directory) -> None:
    garage.hub.connection_lost(NotConnectedError("gone"))
    garage.hub.connection_made()
    garage.reply(device(8, "2"), LAMP)
    assert set(garage.hub.nodes) == {"fimp:easee/1/2"}


def test_a_service_list_without_properties(directory: Directory) -> None:
    services = device()["services"]
    services["chargepoint"] |= {"props": None, "intf": None}
    services["meter_elec"] |= {"props": [], "intf": [None, 5]}
    directory.reply(device(services=services | {"dev_sys": None, "other": 5}))
    assert directory.snapshot().capabilities.controls == {Feature.CHARGING}
    assert not directory.hub.ignored


def test_several_connectors_have_names_of_their_own(directory: Directory) -> None:
    directory.reply(
        device(7, "3_1", client={"name": "Left"}), device(8, "3_2", client={"name": "Right"})
    )
    directory.hub.feed(ADAPTER, inclusion("3", ("3_1", "3_2")))
    names = {key: node.snapshot.identity.name for key, node in directory.hub.nodes.items()}
    assert names == {"fimp:easee/1/3_1": "Left", "fimp:easee/1/3_2": "Right"}
    directory.notify("delete", 7)
    assert set(directory.hub.nodes) == {"fimp:easee/1/3_2"}


@pytest.mark.parametrize("product", ["Easee Home", "", None])
def test_a_name_does_not_grow_with_every_report(directory: Directory, product: str | None) -> None:
    message = inclusion("3", ("3_1", "3_2"))
    message["val"]["product_name"] = product
    names = []
    for _ in range(3):
        directory.hub.feed(ADAPTER, message)
        names.append(directory.snapshot("fimp:easee/1/3_1").identity.name)
    assert len(set(names)) == 1
    assert names[0].count("3_1") == 1


def test_the_users_name_goes_when_the_user_takes_it_away(directory: Directory) -> None:
    directory.hub.feed(ADAPTER, inclusion())
    directory.reply(device())
    directory.notify("edit", 7, client={"name": ""})
    assert directory.shown == ("Easee Home", "Carport")


@pytest.mark.parametrize("client", [None, {"name": ""}])
def test_a_name_that_is_taken_away_is_not_kept_where_no_adapter_answers(
    garage: Directory, client: Any
) -> None:
    assert garage.snapshot().identity.kind is None
    garage.notify("edit", 7, client=client)
    assert garage.shown == ("easee 1", "Carport")
    assert garage.snapshot().identity.kind is NodeKind.CHARGE_POINT


# Questions that need not be asked ------------------------------------------------------


def test_where_there_is_a_list_nobody_else_is_asked(directory: Directory) -> None:
    directory.reply(device(), LAMP)
    directory.hub.feed(ADAPTER, things(500))
    directory.hub.advance(directory.hub.clock.time + 600)
    assert asked_about(directory.hub) == {"1"}


def test_a_list_that_comes_later_ends_the_questions(directory: Directory) -> None:
    directory.hub.feed(ADAPTER, things(500))
    directory.hub.advance(directory.hub.clock.time + 2)
    directory.reply(device(), LAMP)
    before = kinds(directory.hub).count(ASKED)
    assert before <= 6
    directory.hub.advance(directory.hub.clock.time + 600)
    assert asked_about(directory.hub) == {"1"}


def test_a_charge_point_that_was_waiting_in_the_queue_is_still_asked(directory: Directory) -> None:
    """It is a charger, though it was first seen as a thing among others."""
    directory.hub.feed(ADAPTER, things(200))
    directory.hub.take_sent()
    directory.hub.feed(CHARGER.removesuffix("1") + "150", state())
    directory.reply(device(), LAMP)
    directory.hub.advance(directory.hub.clock.time + 600)
    assert "150" in asked_about(directory.hub)


def test_without_a_list_the_pace_is_kept(directory: Directory) -> None:
    directory.hub.feed(ADAPTER, things(100))
    counts = [kinds(directory.hub).count(ASKED)]
    start = directory.hub.clock.time
    for second in range(1, 60):
        directory.hub.advance(start + second)
        counts.append(kinds(directory.hub).count(ASKED))
    assert max(counts) <= 2
    assert sum(counts) == 100


@pytest.mark.parametrize("name", ["zigbee", "zw", "zwave-ad"])
def test_radio_networks_are_not_asked(directory: Directory, name: str) -> None:
    directory.hub.feed(ADAPTER.replace("easee", name), things(300))
    directory.hub.advance(directory.hub.clock.time + 600)
    assert ASKED not in kinds(directory.hub)


def test_after_a_lost_connection_without_a_list_all_are_asked_again(garage: Directory) -> None:
    garage.hub.connection_lost(NotConnectedError("gone"))
    garage.hub.connection_made()
    garage.hub.take_sent()
    garage.hub.feed(ADAPTER, things(6))
    garage.hub.advance(garage.hub.clock.time + 10)
    assert kinds(garage.hub).count(ASKED) >= 5


def test_a_deleted_charge_point_is_not_asked_any_longer(directory: Directory) -> None:
    """An answer would bring it back."""
    directory.hub.feed(ADAPTER, things(10))
    directory.hub.take_sent()
    directory.notify("add", 70, **device(70, "5"))
    directory.notify("delete", 70)
    directory.hub.take_sent()
    directory.hub.advance(directory.hub.clock.time + 60)
    assert "5" not in asked_about(directory.hub)


# Notifications -------------------------------------------------------------------------


@pytest.mark.parametrize("cmd", ["add", "edit", "set"])
def test_a_new_device_is_a_new_charge_point(garage: Directory, cmd: str) -> None:
    events: list[object] = []
    garage.hub.add_listener(events.append)
    garage.notify(cmd, 8, **device(8, "2", client={"name": "Guest"}, room=3))
    node = garage.hub.nodes["fimp:easee/1/2"]
    assert events == [NodeAdded(node)]
    assert node.snapshot.identity.name == "Guest"
    assert node.snapshot.identity.area == "Garden"
    assert ASKED in kinds(garage.hub)


def test_a_new_device_may_have_its_id_in_itself_only(garage: Directory) -> None:
    garage.notify("add", None, **device(8, "2"))
    assert "fimp:easee/1/2" in garage.hub.nodes


@pytest.mark.parametrize(
    ("param", "shown"),
    [
        ({"client": {"name": "Barn"}}, ("Barn", "Carport")),
        ({"room": 3}, ("Garage", "Garden")),
        ({"room": None}, ("Garage", None)),
        ({"client": {"name": "Barn"}, "room": 3}, ("Barn", "Garden")),
        (device(client={"name": "Barn"}), ("Barn", "Carport")),
        ({"problem": True}, ("Garage", "Carport")),
        ({"services": None}, ("Garage", "Carport")),
        ({"services": {}}, ("Garage", "Carport")),
    ],
)
def test_an_edit_may_hold_only_what_was_edited(
    garage: Directory, param: dict[str, Any], shown: tuple[str, str | None]
) -> None:
    garage.notify("edit", 7, **param)
    assert garage.shown == shown
    assert Feature.CABLE_LOCK in garage.snapshot().capabilities.controls
    assert set(garage.hub.nodes) == {ADDRESS}


def test_an_edit_of_another_service_takes_nothing_away(garage: Directory) -> None:
    meter = device()["services"]["meter_elec"]
    garage.notify("edit", 7, services={"meter_elec": meter})
    garage.notify("edit", 7, client={"name": "Barn"})
    assert garage.shown == ("Barn", "Carport")
    assert Feature.CABLE_LOCK in garage.snapshot().capabilities.controls


def test_an_edit_changes_what_it_can_do(garage: Directory) -> None:
    services = device()["services"]
    services["chargepoint"]["intf"] = ["cmd.max_current.set"]
    garage.notify("edit", 7, services=services)
    assert garage.snapshot().capabilities.controls == {Feature.MAX_CURRENT}


def test_a_deleted_device_is_gone(garage: Directory) -> None:
    events: list[object] = []
    garage.hub.add_listener(events.append)
    node = garage.hub.nodes[ADDRESS]
    garage.notify("delete", 7)
    assert events == [NodeRemoved(node)]
    assert garage.hub.nodes == {}
    # And once more, or another one that never was.
    garage.notify("delete", 7)
    garage.notify("delete", 99)
    # Later changes do not add it again.
    garage.notify("edit", 7, client={"name": "Ghost"})
    garage.hub.feed(CHARGER, report("evt.error.report", "string", "service not found"))
    garage.hub.advance(garage.hub.clock.time + 10)
    assert garage.hub.nodes == {}
    assert not garage.hub.ignored


def test_a_device_that_is_added_again_is_back(garage: Directory) -> None:
    garage.notify("delete", 7)
    garage.notify("add", 7, **device(client={"name": "Again"}))
    assert garage.shown == ("Again", "Carport")


@pytest.mark.parametrize(
    ("component", "cmd", "number", "param"),
    [
        ("mode", "set", "away", {}),
        ("shortcut", "edit", 7, {"client": {"name": "Ghost"}}),
        ("thing", "delete", 7, {}),
        ("house", "set", None, {"mode": "away"}),
        ("area", "edit", 2, {"client": {"name": "Ghost"}}),
        ("service", "delete", 7, {}),
    ],
)
def test_other_components_mean_nothing_to_us(
    garage: Directory, component: str, cmd: str, number: Any, param: dict[str, Any]
) -> None:
    garage.notify(cmd, number, component, **param)
    assert garage.shown == ("Garage", "Carport")
    assert not garage.hub.ignored
    assert garage.hub.sent == []


@pytest.mark.parametrize(
    ("cmd", "param", "area"),
    [
        ("edit", {"client": {"name": "Shed"}}, "Shed"),
        ("edit", {"alias": "Shed"}, "Shed"),
        ("set", {"client": {"name": "Shed"}}, "Shed"),
        ("edit", {"type": "other"}, "Carport"),
        ("edit", {}, "Carport"),
        ("delete", {}, None),
    ],
)
def test_the_room_is_edited(
    garage: Directory, cmd: str, param: dict[str, Any], area: str | None
) -> None:
    garage.notify(cmd, 2, "room", **param)
    assert garage.shown == ("Garage", area)


def test_a_new_room(garage: Directory) -> None:
    garage.notify("add", 9, "room", client={"name": "Cellar"})
    assert garage.shown == ("Garage", "Carport")
    garage.notify("edit", 7, room=9)
    assert garage.shown == ("Garage", "Cellar")


@pytest.mark.parametrize("number", [True, 1.0, [1], {"id": 1}, None, ""])
def test_an_id_that_is_none_hits_nobody(directory: Directory, number: Any) -> None:
    """True equals 1, but no device has it for an id."""
    directory.reply(device(1, room=1), rooms=[{"id": 1, "alias": "Attic"}])
    directory.notify("delete", number)
    directory.notify("edit", number, client={"name": "Ghost"})
    directory.notify("edit", number, "room", client={"name": "Ghost"})
    assert directory.shown == ("Garage", "Attic")
    assert "internal" not in directory.hub.ignored


def test_the_answer_to_somebody_else_is_no_complete_list(garage: Directory) -> None:
    """A request without a reply topic is answered on the public topic, and only in part."""
    parts: tuple[dict[str, Any], ...] = ({"device": []}, {"device": [device()]}, {"state": {}})
    for param in parts:
        value = {"success": True, "param": param}
        garage.hub.feed(VINCULUM, report("evt.pd7.response", "object", value))
    garage.notify("edit", 7, problem=False)
    assert garage.shown == ("Garage", "Carport")
    assert not garage.hub.ignored


def test_a_flood_of_devices_is_not_kept(garage: Directory) -> None:
    for number in range(100, 2600):
        garage.notify("add", number, "room", client={"name": f"Room {number}"})
    garage.notify("edit", 2, "room", client={"name": "Shed"})
    # Those that are known can still be edited.
    assert garage.shown == ("Garage", "Shed")


# Two sites on one broker ---------------------------------------------------------------


def test_two_prefixes_do_not_mix() -> None:
    directory = Directory(("", "site/"))
    other = "fimp:site/easee/1/1"
    directory.reply(device(client={"name": "Here"}))
    assert set(directory.hub.nodes) == {ADDRESS}
    directory.reply(device(client={"name": "There"}), prefix="site/")
    assert directory.snapshot().identity.name == "Here"
    assert directory.snapshot(other).identity.name == "There"
    directory.hub.feed("site/" + VINCULUM, notice("edit", 7, client={"name": "Far"}))
    assert directory.snapshot().identity.name == "Here"
    assert directory.snapshot(other).identity.name == "Far"
    directory.hub.feed("site/" + VINCULUM, notice("delete", 7))
    assert set(directory.hub.nodes) == {ADDRESS}


def test_each_site_is_asked_below_its_own_prefix() -> None:
    hub = OfflineHub(("", "site/"))
    hub.connection_made()
    topics = [topic for topic, _ in hub.take_sent("cmd.pd7.request")]
    command = "pt:j1/mt:cmd/rt:app/rn:vinculum/ad:1"
    assert sorted(topics) == sorted([command, "site/" + command])


def test_only_the_site_with_a_list_spares_the_questions() -> None:
    directory = Directory(("", "site/"))
    directory.reply(device())
    directory.hub.take_sent()
    directory.hub.feed(ADAPTER, things(10))
    directory.hub.feed("site/" + ADAPTER, things(10))
    directory.hub.advance(directory.hub.clock.time + 60)
    asked = [topic for topic, _ in directory.hub.take_sent(ASKED)]
    assert len([each for each in asked if each.startswith("site/")]) == 10
    assert len([each for each in asked if not each.startswith("site/")]) <= 3
