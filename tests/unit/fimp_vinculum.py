"""The device list of a Futurehome hub."""

from typing import Any

import orjson

from .fakes import OfflineHub
from .fimp_messages import report


def reply_topic(hub: OfflineHub, prefix: str = "") -> str:
    """Return the topic on which the hub's device list is expected."""
    requests = [
        orjson.loads(payload)
        for topic, payload in hub.sent
        if topic == f"{prefix}pt:j1/mt:cmd/rt:app/rn:vinculum/ad:1"
    ]
    topic: str = requests[-1]["resp_to"]
    return topic


def device(
    number: Any = 7, address: str = "1", adapter: str = "easee", **fields: Any
) -> dict[str, Any]:
    base = f"/rt:dev/rn:{adapter}/ad:1"
    return {
        "id": number,
        "client": {"name": "Garage"},
        "room": 2,
        "modelAlias": "Easee Home",
        "services": {
            "chargepoint": {
                "addr": f"{base}/sv:chargepoint/ad:{address}",
                "intf": ["cmd.charge.start", "cmd.cable_lock.set", "cmd.cable_lock.get_report"],
                "props": {"sup_max_current": 16},
            },
            "meter_elec": {
                "addr": f"{base}/sv:meter_elec/ad:{address}",
                "intf": ["evt.meter.report"],
                "props": {"sup_units": ["W"]},
            },
        },
        **fields,
    }


ROOMS = (
    {"id": 2, "client": {"name": "Carport"}},
    {"id": 3, "alias": "Garden"},
    {"id": 4, "client": {"name": ""}, "alias": ""},
)


def answer(*devices: Any, rooms: Any = ROOMS) -> dict[str, Any]:
    param = {"device": list(devices), "room": rooms, "house": {}}
    value = {"errors": None, "success": True, "cmd": "get", "requestId": 1, "param": param}
    return report("evt.pd7.response", "object", value)
