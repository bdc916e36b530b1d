"""The messages of a FIMP adapter, and the requests to it."""

from typing import Any

import orjson

from .fakes import OfflineHub

CHARGER = "pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1"
METER = "pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:meter_elec/ad:1"
ADAPTER = "pt:j1/mt:evt/rt:ad/rn:easee/ad:1"
ADDRESS = "fimp:easee/1/1"


#: What every adapter lists.
CHARGE = ("cmd.charge.start", "cmd.charge.stop")


def report(kind: str, value_type: str, value: Any, **props: str) -> dict[str, Any]:
    return {"type": kind, "val_t": value_type, "val": value, "props": props or None}


def state(word: str = "ready_to_charge") -> dict[str, Any]:
    return report("evt.state.report", "string", word)


def inclusion(
    thing: str = "1", addresses: tuple[str, ...] = ("1",), **fields: Any
) -> dict[str, Any]:
    services = [
        {
            "name": "chargepoint",
            "address": f"/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:{address}",
            "props": fields.get("props"),
            "interfaces": [{"msg_t": name} for name in (*CHARGE, *fields.get("interfaces", ()))],
        }
        for address in addresses
    ]
    if fields.get("meter"):
        services.append(
            {
                "name": "meter_elec",
                "address": f"/rt:dev/rn:easee/ad:1/sv:meter_elec/ad:{addresses[0]}",
                "props": {"sup_units": ["W", "kWh"]},
                "interfaces": [],
            }
        )
    thing_report = {
        "address": thing,
        "product_name": "Easee Home",
        "manufacturer_id": "Easee",
        "device_id": "",
        "services": services,
    }
    return report("evt.thing.inclusion_report", "object", thing_report)


def commands(hub: OfflineHub) -> list[tuple[str, str, Any]]:
    return [
        (topic, message["type"], message["val"])
        for topic, payload in hub.take_sent()
        for message in [orjson.loads(payload)]
        if "type" in message
    ]


def kinds(hub: OfflineHub) -> list[str]:
    return [kind for _, kind, _ in commands(hub)]


def node_report(status: str) -> dict[str, Any]:
    return report("evt.network.node_report", "object", {"address": "1", "status": status})


APP = "pt:j1/mt:evt/rt:app/rn:easee/ad:1"
