"""Vinculum, the device list of a Futurehome hub: the user's own names, and rooms.

Source: the hub's `pd7` interface, as its own app uses it: components `device` and `room`,
and notifications when one of them was added, edited or deleted. An edit may hold only what
was edited.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ..errors import ProtocolError
from ..model import Identity
from .inclusion import Service, Thing, parse_service, text
from .message import Message, encode
from .topic import ServiceAddress, ServiceTopic

NOTIFICATION: Final = "evt.pd7.notify"
#: What a house has more of concerns nobody here.
_COMPONENTS: Final = ("device", "room")
#: Devices and rooms that are kept; more than a house has.
_ITEMS_MAX: Final = 2000


def request(when: datetime, reply_to: str) -> tuple[str, bytes]:
    """Return the uid and the bytes of the question for all devices and rooms."""
    return encode(
        "cmd.pd7.request",
        "vinculum",
        when,
        value_type="object",
        value={
            "cmd": "get",
            "component": None,
            "id": None,
            "param": {"components": list(_COMPONENTS)},
            "requestId": 1,
        },
        reply_to=reply_to,
    )


def is_of_vinculum(message: Message) -> bool:
    """Whether a message tells of a device or a room that was added, edited or deleted."""
    value = message.value
    return (
        message.type == NOTIFICATION
        and isinstance(value, dict)
        and value.get("component") in _COMPONENTS
    )


@dataclass(slots=True)
class Changes:
    """What is new: charge points that were added or edited, and those that are gone."""

    described: list[Thing] = field(default_factory=list)
    removed: set[ServiceAddress] = field(default_factory=set)


class VinculumDirectory:
    """What vinculum has said of its rooms, and of the devices that are charge points."""

    def __init__(self, is_known: Callable[[ServiceAddress], bool] = lambda _: False) -> None:
        """Know nothing yet; charge points that `is_known` names always have their place."""
        self._is_known = is_known
        self._rooms: dict[Any, str | None] = {}
        self._devices: dict[Any, Mapping[str, Any]] = {}
        #: Where their charge points are, and how many of them say so.
        self._places: Counter[ServiceAddress] = Counter()

    def answered(self, value: Any) -> Changes:
        """Take the value of `evt.pd7.response`: everything there is.

        Raises:
            ProtocolError: of kind `pd7`, where there is no list of devices.

        """
        param = value.get("param") if isinstance(value, dict) else None
        devices = param.get("device") if isinstance(param, dict) else None
        if not isinstance(param, dict) or not isinstance(devices, list):
            raise ProtocolError("pd7", "a response without devices")
        listed = _with_ids(devices)
        if not listed and self._devices:
            # A hub that is still starting: a house does not lose everything at once.
            return Changes()
        before = set(self._places)
        self._rooms = {each["id"]: _name(each) for each in _items(param.get("room"))}
        ids = {each["id"] for each in listed}
        # What is listed without sense is still there, as it was.
        self._devices = self._bounded(
            {item_id: device for item_id, device in self._devices.items() if item_id in ids}
            | {each["id"]: each for each in listed if _services(each)}
        )
        devices = self._devices.values()
        self._places = Counter(each for device in devices for each in _chargepoints(device))
        return Changes(
            described=[self._thing(each) for each in devices],
            removed=before - self._places.keys(),
        )

    def notified(self, value: Any) -> Changes:
        """Take the value of `evt.pd7.notify`: one item was added, edited or deleted.

        Raises:
            ProtocolError: of kind `pd7`, where it does not say what happened to what.

        """
        if not isinstance(value, dict) or not isinstance(value.get("component"), str):
            raise ProtocolError("pd7", "a notification without component")
        if value["component"] not in _COMPONENTS:
            return Changes()
        command, param = value.get("cmd"), value.get("param")
        item = {} if param is None else param
        if not isinstance(command, str) or not isinstance(item, dict):
            raise ProtocolError("pd7", "a notification without sense")
        item_id = value["id"] if _is_id(value.get("id")) else item.get("id")
        if not _is_id(item_id):
            raise ProtocolError("pd7", "a notification without id")
        match value["component"], command:
            case "device", "delete":
                return self._deleted(item_id)
            case "device", "add" | "edit" | "set":
                return self._edited(item_id, item)
            case "room", "delete":
                return self._room_edited(item_id, None)
            case "room", "add" | "edit" | "set":
                return self._room_edited(item_id, _name(item) or self._rooms.get(item_id))
        return Changes()

    def _deleted(self, item_id: Any) -> Changes:
        places = _chargepoints(self._devices.pop(item_id, {}))
        self._places.subtract(places)
        return self._changes(places)

    def _edited(self, item_id: Any, item: Mapping[str, Any]) -> Changes:
        known = self._devices.get(item_id, {})
        device = {**known, **item}
        if isinstance(item.get("services"), dict):
            device["services"] = {**known.get("services", {}), **item["services"]}
        if not _services(device) or not self._has_room_for(item_id, device):
            return Changes()
        places = _chargepoints(known)
        self._places.subtract(places)
        self._places.update(_chargepoints(device))
        self._devices[item_id] = device
        return self._changes(places, self._thing(device))

    def _changes(self, places: list[ServiceAddress], *described: Thing) -> Changes:
        """Return what became of `places`, at which there were charge points."""
        removed = {each for each in places if not self._places[each]}
        for each in removed:
            del self._places[each]
        return Changes(described=[*described], removed=removed)

    def _room_edited(self, item_id: Any, name: str | None) -> Changes:
        if not _room_for(item_id, self._rooms):
            return Changes()
        self._rooms[item_id] = name
        return Changes(
            described=[
                self._thing(each) for each in self._devices.values() if each.get("room") == item_id
            ]
        )

    def _bounded(self, devices: dict[Any, Mapping[str, Any]]) -> dict[Any, Mapping[str, Any]]:
        """Return not more devices than a house has: those that are known, then the others."""
        if len(devices) <= _ITEMS_MAX:
            return devices
        kept = sorted(devices, key=lambda each: not self._knows(devices[each]))[:_ITEMS_MAX]
        return {each: devices[each] for each in kept}

    def _has_room_for(self, item_id: Any, device: Mapping[str, Any]) -> bool:
        """Whether a device may be kept; one that is known takes the place of a stranger."""
        if _room_for(item_id, self._devices):
            return True
        newcomers = (each for each, other in self._devices.items() if not self._knows(other))
        if not self._knows(device) or (stranger := next(newcomers, None)) is None:
            return False
        self._deleted(stranger)
        return True

    def _knows(self, device: Mapping[str, Any]) -> bool:
        return any(map(self._is_known, _chargepoints(device)))

    def _thing(self, device: Mapping[str, Any]) -> Thing:
        services = _services(device)
        chargepoint = next(topic for topic in services if topic.service == "chargepoint")
        room = device.get("room")
        model = text(device, "modelAlias")
        return Thing(
            chargepoint.address.thing,
            Identity(
                name=_name(device) or "",
                model=model,
                area=self._rooms.get(room) if _is_id(room) else None,
            ),
            services,
        )


def _items(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list that have an id, and not more than a house has."""
    return _with_ids(value)[:_ITEMS_MAX]


def _with_ids(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list that have an id; what makes no sense is left out."""
    items = value if isinstance(value, list) else []
    return [each for each in items if isinstance(each, dict) and _is_id(each.get("id"))]


def _is_id(value: Any) -> bool:
    # True would be 1.
    return isinstance(value, int | str) and not isinstance(value, bool) and value != ""


def _room_for(item_id: Any, items: Mapping[Any, Any]) -> bool:
    return item_id in items or len(items) < _ITEMS_MAX


def _name(item: Mapping[str, Any]) -> str | None:
    """Return the name that the user gave, else the alias of a room."""
    client = item.get("client")
    given = text(client, "name") if isinstance(client, dict) else None
    return given or text(item, "alias")


def _services(device: Mapping[str, Any]) -> dict[ServiceTopic, Service]:
    """Return the services of a charge point; nothing where the device is none."""
    services = device.get("services")
    if not isinstance(services, dict) or not isinstance(services.get("chargepoint"), dict):
        return {}
    found = {}
    for each in services.values():
        if not isinstance(each, dict):
            continue
        interfaces = each.get("intf")
        names = interfaces if isinstance(interfaces, list) else []
        parsed = parse_service(each.get("addr"), names, each.get("props"))
        if parsed is not None:
            found[parsed[0]] = parsed[1]
    return found if any(topic.service == "chargepoint" for topic in found) else {}


def _chargepoints(device: Mapping[str, Any]) -> list[ServiceAddress]:
    """Return where the charge points of a device are."""
    return [each.address for each in _services(device) if each.service == "chargepoint"]
