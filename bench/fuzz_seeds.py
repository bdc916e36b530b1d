"""The undamaged messages that the fuzzer starts with.

They are those of the recordings and of a Blue Current account, and one of each kind that was not
recorded.
"""

from collections.abc import Iterator
import json
from pathlib import Path
import re

from custom_components.fimp_chargepoint.chargepoint.everest.api.module import Kind
from simulators.blue_current import messages
from simulators.recording import read_recording

_RECORDINGS = Path(__file__).parents[1] / "tests" / "recordings"
#: The longest topic of MQTT.
TOPIC_MAX = 65_535
#: Where messages of a Blue Current account arrive, which has no topics.
BLUE_CURRENT = "blue current/"
_EVSE = "BCU1"
#: The beginning of the topic of the replies to our discovery.
DISCOVERED = "everest_api/1/fimp_chargepoint/"

type Message = tuple[str, bytes]
type Course = list[Message]

_DIGITS = re.compile(r"\d+")
_KIND = re.compile(rb'"(?:type|object|event|serv)": ?"([^"]{1,60})"')


def recorded() -> list[Course]:
    """Return the recordings, each as one long course."""
    return [
        [(line.topic, line.payload) for line in read_recording(path) if line.topic]
        for path in sorted(_RECORDINGS.glob("*/*/*.jsonl"))
    ]


def samples() -> Iterator[Course]:
    """Yield a message of each kind that was not recorded."""
    for path in sorted(_RECORDINGS.glob("everest/codec-samples/*.json")):
        name = re.split("_(?=[A-Z0-9])", path.stem)[0].removeprefix("ocpp_")
        for kind in Kind:
            yield [(f"everest_api/1/{kind}/a/e2m/{name}", path.read_bytes())]
    apis = [{"module_id": "a", "type": kind, "version": 1} for kind in Kind]
    yield [(f"{DISCOVERED}x/e2m/discover/x", json.dumps({"apis": apis}).encode())]
    for name, value in (
        ("is_connected", True),
        ("boot_notification_response", {"status": "Pending", "interval": 5}),
        ("security_event", {"type": "x"}),
        ("event_data", {"component_variable": {"component": {"name": "a"}}, "actual_value": "b"}),
        (
            "charging_schedules",
            {
                "schedules": [
                    {
                        "evse": 1,
                        "start_schedule": "2027-01-15T08:00:00.000Z",
                        "charging_rate_unit": "A",
                        "charging_schedule_period": [{"start_period": 0, "limit": 6.0}],
                    }
                ]
            },
        ),
    ):
        yield [(f"everest_api/1/{Kind.OCPP}/a/e2m/{name}", json.dumps(value).encode())]
        bus = {"msg_type": "Var", "data": {"data": value}}
        yield [(f"everest/modules/ocpp/impl/main/var/{name}", json.dumps(bus).encode())]
        older = json.dumps({"name": name, "data": value}).encode()
        yield [("everest/modules/ocpp/impl/main/var", older), ("everest/ocpp/main/var", older)]
    device = json.loads((_RECORDINGS / "fimp" / "vinculum" / "device.json").read_bytes())
    rooms = [{"id": 2, "client": {"name": "Carport"}}]
    param = {"device": [device], "room": rooms, "house": {}}
    for message in (
        {"type": "evt.pd7.response", "val": {"success": True, "cmd": "get", "param": param}},
        {"type": "evt.pd7.notify", "val": {"cmd": "edit", "component": "device", "id": 7}},
        {"type": "evt.pd7.notify", "val": {"cmd": "delete", "component": "room", "id": 2}},
    ):
        payload = json.dumps({**message, "serv": "vinculum", "val_t": "object"}).encode()
        yield [("pt:j1/mt:rsp/rt:app/rn:fimp_chargepoint/x", payload)]
        yield [("pt:j1/mt:evt/rt:app/rn:vinculum/ad:1", payload)]


def blue_current() -> Course:
    """Return the frames of an account."""
    settings = dict.fromkeys(
        (
            *("plug_and_charge", "public_charging", "plug_and_charge_notification"),
            *("publish_location", "delayed_charging", "price_based_charging", "smart_charging"),
            *("led_intensity", "led_interaction"),
        ),
        True,
    )
    listed = messages.charge_point(
        _EVSE, "Driveway", settings | {"default_card": messages.NO_CARD}, {}
    )
    status = {
        **{f"actual_{name}{line}": 16 for line in (1, 2, 3) for name in ("p", "v")},
        "activity": "charging",
        "actual_kwh": 3.2,
        "max_usage": 20,
        "vehicle_status": "C",
        "smartcharging_max_usage": 16,
        "max_offline": 7,
        "offline_since": "",
        "total_cost": 1,
        "start_datetime": "20270115 09:00:00",
        "stop_datetime": "",
    }
    grid = {f"grid_actual_p{line}": 5 for line in (1, 2, 3)} | {"grid_max_install": 40}
    card = {"uid": "046C", "name": "Mine", "valid": 1}
    frames = (
        {"object": "CHARGE_POINTS", "data": [listed | {"activity": "charging"}]},
        messages.settings_of(listed, settings),
        {"object": "CH_STATUS", "evse_id": _EVSE, "data": status},
        {"object": "CH_STATUS", "evse_id": _EVSE, "data": status | {"activity": "available"}},
        {"object": "GRID_STATUS", "data": grid | {"id": "GRID-1"}, "evse_ids": [_EVSE]},
        {"object": "GRID_CURRENT", "evse_id": _EVSE, **grid},
        {"object": "CHARGE_CARDS", "cards": [card], "default_card": card},
        messages.received("SET_PLUG_AND_CHARGE"),
        messages.verdict("SET_PLUG_AND_CHARGE", _EVSE, "BUSY"),
        messages.error(42),
    )
    texts = (*map(json.dumps, frames), *messages.ODD)
    return [(f"{BLUE_CURRENT}frame", text.encode()) for text in texts]


def kind(message: Message) -> str:
    """Return what tells kinds of messages apart."""
    topic, payload = message
    return _DIGITS.sub("", topic) + str(_KIND.findall(payload, 0, 2000)[:2])
