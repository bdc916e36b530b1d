"""Vinculum, the device list of a Futurehome hub: the user's names, and rooms.

Source: the hub's `pd7` interface, as its own app uses it: components `device` and `room`, and
notifications if one of them was added, edited or deleted. An edit may contain only the edited
fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, TypeIs

from ..errors import ProtocolError
from ..model import Identity
from ..readers import JsonObject
from .inclusion import Service, Thing, parse_service, text
from .message import Message, encode
from .topic import ServiceAddress, ServiceTopic

NOTIFICATION: Final = "evt.pd7.notify"
_COMPONENTS: Final = ("device", "room")
#: Maximum number of devices and rooms; more than a home has.
_ITEMS_MAX: Final = 2000


def request(when: datetime, reply_to: str) -> tuple[str, bytes]:
    """Return the uid and the bytes of the request for all devices and rooms."""
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
    """Whether a message reports that a device or a room was added, edited or deleted."""
    value = message.value
    return (
        message.type == NOTIFICATION
        and isinstance(value, dict)
        and value.get("component") in _COMPONENTS
    )


@dataclass(slots=True)
class Changes:
    """Devices that were added or edited, and charge points that were removed."""

    described: list[Thing] = field(default_factory=list)
    removed: set[ServiceAddress] = field(default_factory=set)


class _Device(NamedTuple):
    fields: JsonObject
    services: Mapping[ServiceTopic, Service]

    @property
    def chargepoints(self) -> set[ServiceAddress]:
        return {topic.address for topic in self.services if topic.service == "chargepoint"}


class VinculumDirectory:
    """The rooms of a hub, and those of its devices that are charge points."""

    def __init__(self, is_known: Callable[[ServiceAddress], bool] = lambda _: False) -> None:
        """Start empty; charge points for which `is_known` is true are never left out."""
        self._is_known = is_known
        self._rooms: dict[object, str | None] = {}
        self._devices: dict[object, _Device] = {}

    def answered(self, value: object) -> Changes:
        """Process the value of `evt.pd7.response`: all devices and rooms.

        Raises:
            ProtocolError: of kind `pd7`; there is no list of devices.

        """
        param = value.get("param") if isinstance(value, dict) else None
        if not isinstance(param, dict) or not isinstance(param.get("device"), list):
            raise ProtocolError("pd7", "a response without devices")
        listed = _by_id(param["device"])
        if not listed and self._devices:
            # The hub is still starting: a home does not lose everything at once.
            return Changes()
        before = self._chargepoints()
        rooms = list(_by_id(param.get("room")).items())[:_ITEMS_MAX]
        self._rooms = {room_id: _name(room) for room_id, room in rooms}
        # A device with a damaged entry still exists, unchanged.
        devices: dict[object, _Device] = {
            device_id: device for device_id, device in self._devices.items() if device_id in listed
        }
        for device_id, fields in listed.items():
            if services := _services(fields):
                devices[device_id] = _Device(fields, services)
        if len(devices) > _ITEMS_MAX:
            kept = sorted(devices, key=lambda device_id: not self._knows(devices[device_id]))
            devices = {device_id: devices[device_id] for device_id in kept[:_ITEMS_MAX]}
        self._devices = devices
        return Changes(
            [self._thing(device) for device in devices.values()], before - self._chargepoints()
        )

    def notified(self, value: object) -> Changes:
        """Process the value of `evt.pd7.notify`: one item was added, edited or deleted.

        Raises:
            ProtocolError: of kind `pd7`; the item or the change is unclear.

        """
        if not isinstance(value, dict) or not isinstance(value.get("component"), str):
            raise ProtocolError("pd7", "a notification without component")
        if value["component"] not in _COMPONENTS:
            return Changes()
        command, item = value.get("cmd"), value.get("param")
        item = {} if item is None else item
        if not isinstance(command, str) or not isinstance(item, dict):
            raise ProtocolError("pd7", "a notification without command or item")
        item_id = value["id"] if _is_id(value.get("id")) else item.get("id")
        if not _is_id(item_id):
            raise ProtocolError("pd7", "a notification without id")
        match value["component"], command:
            case "device", "delete":
                gone = self._devices.pop(item_id, None)
                return Changes(removed=gone.chargepoints - self._chargepoints() if gone else set())
            case "device", "add" | "edit" | "set":
                return self._edited(item_id, item)
            case "room", "delete":
                return self._room_edited(item_id, None)
            case "room", "add" | "edit" | "set":
                return self._room_edited(item_id, _name(item) or self._rooms.get(item_id))
        return Changes()

    def _edited(self, device_id: object, item: JsonObject) -> Changes:
        known = self._devices.get(device_id, _Device({}, {}))
        fields = {**known.fields, **item}
        before, after = known.fields.get("services"), item.get("services")
        if isinstance(before, dict) and isinstance(after, dict):
            fields["services"] = {**before, **after}
        device = _Device(fields, _services(fields))
        if not device.services or not self._has_room_for(device_id, device):
            return Changes()
        self._devices[device_id] = device
        return Changes([self._thing(device)], known.chargepoints - self._chargepoints())

    def _room_edited(self, room_id: object, name: str | None) -> Changes:
        if room_id not in self._rooms and len(self._rooms) >= _ITEMS_MAX:
            return Changes()
        self._rooms[room_id] = name
        return Changes(
            [
                self._thing(device)
                for device in self._devices.values()
                if device.fields.get("room") == room_id
            ]
        )

    def _has_room_for(self, device_id: object, device: _Device) -> bool:
        """Whether a device may be kept; a known one displaces an unknown one."""
        if device_id in self._devices or len(self._devices) < _ITEMS_MAX:
            return True
        unknown = next((key for key, each in self._devices.items() if not self._knows(each)), None)
        if unknown is None or not self._knows(device):
            return False
        del self._devices[unknown]
        return True

    def _chargepoints(self) -> set[ServiceAddress]:
        return set[ServiceAddress]().union(
            *(device.chargepoints for device in self._devices.values())
        )

    def _knows(self, device: _Device) -> bool:
        return any(map(self._is_known, device.chargepoints))

    def _thing(self, device: _Device) -> Thing:
        room = device.fields.get("room")
        return Thing(
            next(iter(device.chargepoints)).thing,
            Identity(
                name=_name(device.fields) or "",
                model=text(device.fields, "modelAlias"),
                area=self._rooms.get(room) if _is_id(room) else None,
            ),
            device.services,
        )


def _by_id(items: object) -> dict[int | str, JsonObject]:
    """Return the objects of a list by their id, without those that are invalid."""
    return {
        item["id"]: item
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, dict) and _is_id(item.get("id"))
    }


def _is_id(value: object) -> TypeIs[int | str]:
    # True equals 1.
    return isinstance(value, int | str) and not isinstance(value, bool) and value != ""


def _name(item: JsonObject) -> str | None:
    """Return the user's name for an item, else the alias of a room."""
    client = item.get("client")
    given = text(client, "name") if isinstance(client, dict) else None
    return given or text(item, "alias")


def _services(device: JsonObject) -> dict[ServiceTopic, Service]:
    """Return the services of a charge point; empty if the device is not one."""
    services = device.get("services")
    if not isinstance(services, dict) or not isinstance(services.get("chargepoint"), dict):
        return {}
    found = {}
    for service in services.values():
        if isinstance(service, dict):
            interfaces = service.get("intf")
            names = interfaces if isinstance(interfaces, list) else []
            parsed = parse_service(service.get("addr"), names, service.get("props"))
            if parsed is not None:
                found[parsed[0]] = parsed[1]
    return found if any(topic.service == "chargepoint" for topic in found) else {}
