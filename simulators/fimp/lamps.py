"""Another adapter on the same bus, with many things that are not charge points."""

from collections.abc import Callable, Iterable
from typing import Any

from .description import resource
from .message import Report, Request

_NAME = "zigbee"
_LAMP = "Bright Lamp"
_INTERFACES = (
    ("in", "cmd.binary.set", "bool"),
    ("in", "cmd.lvl.get_report", "null"),
    ("in", "cmd.lvl.set", "int"),
    ("out", "evt.binary.report", "bool"),
    ("out", "evt.lvl.report", "int"),
)
_PROPERTIES = {"max_lvl": 100, "min_lvl": 0}

type Send = Callable[[str, str], None]


class Lamps:
    """A zigbee adapter that only has lamps; it answers requests, and sends nothing else."""

    topic = f"pt:j1/mt:cmd/rt:ad/rn:{_NAME}/ad:1"

    def __init__(self, count: int, send: Send) -> None:
        """Create the given number of lamps."""
        self.addresses = [str(number) for number in range(1, count + 1)]
        self._send = send

    def discover(self, request: Request) -> None:
        """Answer a request to all adapters."""
        about = resource(_NAME, "Zigbee")
        report = Report("system", "evt.discovery.report", "object", about)
        self._send(request.reply_topic, report.encode(_NAME, request.uid))

    def handle(self, request: Request) -> None:
        """Answer a request about lamps."""
        if request.service != _NAME:
            return
        known = request.val in self.addresses
        match request.type:
            case "cmd.network.get_all_nodes":
                self._tell("network.all_nodes", [*map(_node, self.addresses)])
            case "cmd.network.get_node" if known:
                self._tell("network.node", _node(request.val))
            case "cmd.thing.get_inclusion_report" if known:
                self._tell("thing.inclusion", _inclusion(request.val))

    def devices(self) -> Iterable[dict[str, Any]]:
        """Describe the lamps as a hub knows them, without their numbers on the hub."""
        for address in self.addresses:
            yield {
                "client": {"name": f"Lamp {address}"},
                "fimp": {"adapter": _NAME, "address": address, "group": "1"},
                "functionality": "lighting",
                "lrn": True,
                "model": f"zb - Acme - {_LAMP}",
                "modelAlias": _LAMP,
                "param": {"dimValue": None, "power": "off", "timestamp": None},
                "problem": False,
                "room": None,
                "services": {
                    "out_lvl_switch": {
                        "addr": _service(address),
                        "enabled": True,
                        "intf": sorted(kind for _, kind, _ in _INTERFACES),
                        "props": _PROPERTIES,
                    }
                },
                "supports": ["clear", "poll"],
                "type": {"subtype": None, "supported": {"light": []}, "type": "light"},
            }

    def _tell(self, what: str, value: object) -> None:
        group, _, name = what.partition(".")
        report = Report(_NAME, f"evt.{group}.{name}_report", "object", value)
        self._send(self.topic.replace("cmd", "evt", 1), report.encode(_NAME))


def _service(address: str) -> str:
    return f"/rt:dev/rn:{_NAME}/ad:1/sv:out_lvl_switch/ad:{address}_1"


def _node(address: str) -> dict[str, Any]:
    return {
        "address": address,
        "hash": f"zb - Acme - {_LAMP}",
        "alias": _LAMP,
        "power_source": "ac",
        "wakeup_interval": "-1",
        "comm_tech": _NAME,
        "status": "UP",
        "operationability": [],
        "conn_quality": "high",
        "conn_type": "indirect",
    }


def _inclusion(address: str) -> dict[str, Any]:
    service = {
        "name": "out_lvl_switch",
        "alias": "",
        "address": _service(address),
        "enabled": True,
        "groups": ["ch_1"],
        "props": _PROPERTIES,
        "tags": None,
        "prop_set_ref": "",
        "interfaces": [
            {"intf_t": way, "msg_t": kind, "val_t": value, "ver": "1"}
            for way, kind, value in _INTERFACES
        ],
    }
    return {
        "address": address,
        "groups": ["ch_1"],
        "services": [service],
        "product_name": _LAMP,
        "product_hash": f"zb - Acme - {_LAMP}",
        "product_id": "LAMP",
        "manufacturer_id": "Acme",
        "device_id": f"0x{int(address):016x}",
        "hw_ver": "1",
        "sw_ver": "1",
        "comm_tech": _NAME,
        "power_source": "ac",
        "wakeup_interval": "-1",
        "security": "",
        "tech_specific_props": None,
        "prop_set": None,
    }
