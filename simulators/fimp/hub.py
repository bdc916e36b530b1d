"""The hub: vinculum, which knows the names and rooms from the user."""

from collections.abc import Callable
from datetime import UTC, datetime
import itertools
import json
from typing import Any
import uuid

from .chargepoint import FimpChargepoint
from .description import group, product, product_hash, vinculum_services
from .lamps import Lamps
from .message import VERSION, Request

_ADDRESS = "/rt:app/rn:vinculum/ad:1"
_ZONE = "+0000"

# A hub remembers the last value of these; it names them by the middle of their name.
_REMEMBERED = ("cable_lock", "current_session", "max_current", "meter", "param", "state")

type Send = Callable[[str, str], None]


class Vinculum:
    """What a hub knows of charge points and lamps, sent on request and on changes."""

    topic = f"pt:j1/mt:cmd{_ADDRESS}"
    events = f"pt:j1/mt:evt{_ADDRESS}"

    def __init__(self, send: Send, lamps: Lamps | None) -> None:
        """Start with the lamps; charge points are added one by one."""
        self._send = send
        self._numbers = itertools.count(1)
        self._things: dict[str, int] = {}
        self._rooms: dict[str, int] = {}
        self._points: dict[int, FimpChargepoint] = {}
        self._lamps: list[dict[str, Any]] = [
            {"id": next(self._numbers), **lamp, "thing": next(self._numbers)}
            for lamp in (lamps.devices() if lamps else ())
        ]

    def request(self, request: Request) -> None:
        """Reply with the requested components."""
        value = request.val
        if request.type != "cmd.pd7.request" or not isinstance(value, dict):
            return
        param = value.get("param")
        requested = param.get("components") if isinstance(param, dict) else None
        if value.get("cmd") != "get" or not isinstance(requested, list):
            return
        answer = {
            "cmd": "get",
            "errors": None,
            "param": {
                name: known for name, known in self._components().items() if name in requested
            },
            "requestId": value.get("requestId"),
            "success": True,
        }
        self._tell(request.reply_topic, "evt.pd7.response", answer, request.uid)

    def add(self, point: FimpChargepoint, *, silently: bool = False) -> None:
        """Add a charge point, under a new number."""
        self._furnish(point, silently=silently)
        number = next(self._numbers)
        self._points[number] = point
        if not silently:
            self._notify("add", "device", self._device(number))

    def edit(self, point: FimpChargepoint, *changed: str) -> None:
        """Notify of changes to a charge point."""
        self._furnish(point)
        for number in self._numbers_of(point):
            device = self._device(number)
            changes = {key: device[key] for key in changed}
            self._notify("edit", "device", device, changes=changes)

    def delete(self, point: FimpChargepoint) -> None:
        """Remove a charge point."""
        self._things.pop(point.thing, None)
        for number in self._numbers_of(point):
            del self._points[number]
            self._notify("delete", "device", None, number)

    def _furnish(self, point: FimpChargepoint, *, silently: bool = False) -> None:
        """Create the room of a charge point if it does not exist."""
        if point.place and point.place not in self._rooms:
            self._rooms[point.place] = len(self._rooms) + 1
            if not silently:
                self._notify("add", "room", self._room(point.place))

    def _numbers_of(self, point: FimpChargepoint) -> list[int]:
        return [number for number, each in self._points.items() if each is point]

    # Content ------------------------------------------------------------------

    def _components(self) -> dict[str, object]:
        return {
            "device": [*map(self._device, self._points), *self._lamps],
            "room": [*map(self._room, self._rooms)],
            "thing": [*map(self._thing, self._points)],
            "state": {"devices": [*map(self._state, self._points)]},
            "house": {"learning": None, "mode": "home", "time": f"{_now():%FT%T}Z"},
            "hub": {"mode": {"current": "home", "prev": "home"}},
            "area": [],
            "mode": [],
            "shortcut": [],
            "timer": [],
        }

    def _device(self, number: int) -> dict[str, Any]:
        point = self._points[number]
        return {
            "client": {"name": point.title or product(point)},
            "fimp": {
                "adapter": point.adapter.adapter,
                "address": point.thing,
                "group": group(point),
            },
            "functionality": None,
            "id": number,
            "lrn": True,
            "model": product_hash(point),
            "modelAlias": product(point),
            "param": {"energy": None, "timestamp": None, "wattage": None},
            "problem": False,
            "room": self._rooms.get(point.place),
            "services": vinculum_services(point),
            "supports": ["clear", "poll"],
            "thing": self._thing_number(point),
            "type": {
                "subtype": "car_charger",
                "supported": {"chargepoint": ["car_charger"]},
                "type": "chargepoint",
            },
        }

    def _thing_number(self, point: FimpChargepoint) -> int:
        if point.thing not in self._things:
            self._things[point.thing] = next(self._numbers)
        return self._things[point.thing]

    def _thing(self, number: int) -> dict[str, Any]:
        point = self._points[number]
        return {
            "addr": f"/rn:{point.adapter.adapter}/ad:1/ad:{point.thing}",
            "devices": [number],
            "id": self._thing_number(point),
            "name": product(point),
            "props": {
                "manufacturer_id": point.profile.manufacturer,
                "product_hash": product_hash(point),
                "product_id": point.profile.versions[0],
                "product_name": product(point),
            },
            "room": self._rooms.get(point.place),
        }

    def _room(self, name: str) -> dict[str, Any]:
        heating = {"desired": None, "power": "off", "target": None, "temperature": None}
        return {
            "alias": name.lower(),
            "area": None,
            "client": {"name": name},
            "id": self._rooms[name],
            "outside": False,
            "param": {
                "heating": {"actuator": False, **heating, "thermostat": False},
                "lighting": {},
                "security": {"mode": None},
                "sensors": [],
                "shading": {},
                "triggers": {},
            },
            "type": "garage" if "garage" in name.lower() else None,
        }

    def _state(self, number: int) -> dict[str, Any]:
        """Return the last value of everything that a charge point has reported."""
        point = self._points[number]
        services: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for sent in point.sent.values():
            name = sent.report.type.split(".")[1]
            if name not in _REMEMBERED:
                continue
            value: dict[str, Any] = {"val": sent.report.val, "val_t": sent.report.val_t}
            value["ts"] = f"{sent.at:%F %T} {_ZONE}"
            if unit := (sent.report.props or {}).get("unit"):
                value["props"] = {"unit": unit}
            if name == "param":
                value = sent.report.val
            services.setdefault(sent.report.service, {}).setdefault(name, []).append(value)
        return {
            "id": number,
            "services": [
                {
                    "addr": point.adapter.service_address(service, point.address),
                    "attributes": [
                        {"name": name, "values": values}
                        for name, values in sorted(attributes.items())
                    ],
                    "name": service,
                }
                for service, attributes in sorted(services.items())
            ],
        }

    # Messages -----------------------------------------------------------------

    def _notify(
        self,
        cmd: str,
        component: str,
        param: dict[str, Any] | None,
        number: int | None = None,
        *,
        changes: dict[str, Any] | None = None,
    ) -> None:
        value = {
            "changes": changes or {},
            "cmd": cmd,
            "component": component,
            "id": param["id"] if param else number,
            "param": param,
        }
        self._tell(self.events, "evt.pd7.notify", value, "")

    def _tell(self, topic: str, kind: str, value: object, corid: str) -> None:
        """Write a message in the format of a hub, which differs from that of adapters."""
        message = {
            "corid": corid,
            "ctime": f"{_now():%FT%T}{_ZONE}",
            "props": {},
            "serv": "vinculum",
            "tags": [],
            "type": kind,
            "uid": str(uuid.uuid4()),
            "val": value,
            "val_t": "object",
            "ver": VERSION,
        }
        self._send(topic, json.dumps(message, separators=(",", ":")))


def _now() -> datetime:
    return datetime.now(UTC)
