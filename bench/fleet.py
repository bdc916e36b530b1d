"""What a fleet of charge points publishes: the same for everything that is compared.

EVerest: API v1 as of 2026.02, one module per charge point, a power meter at 1 Hz and session
information at 1 Hz. FIMP: one adapter with a thing per charge point, power and the extended
meter report at 1 Hz each. Values differ from message to message, like those of a real meter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, cycle, islice
import json

type Message = tuple[str, bytes]

#: What EVSEs are asked, at all sites or without any.
QUESTIONS = tuple(f"{site}everest_api/1/evse_manager_consumer/+/m2e/+" for site in ("", "+/"))
_EVSE = "everest_api/1/evse_manager_consumer/bench_{}/e2m/{}"
_ADAPTER = "pt:j1/mt:evt/rt:ad/rn:bench/ad:1"
_THING = "pt:j1/mt:evt/rt:dev/rn:bench/ad:1/sv:{}/ad:{}"
_PHASES = ("L1", "L2", "L3")
#: The extended values of FIMP that there are for each phase.
_PER_PHASE = tuple(f"{kind}{number}" for kind in "iup" for number in "123")
#: The words for a status that alternate in the messages that latency is measured with.
PROBES = {
    "everest": ("ChargingPausedEV", "Charging"),
    "fimp": ("suspended_by_ev", "charging"),
}
#: With `mixed`, every other charge point speaks FIMP.
PROTOCOLS = (*PROBES, "mixed")


def spoken(protocol: str, number: int) -> str:
    """Return the protocol of a charge point in a fleet."""
    return ("everest", "fimp")[number % 2] if protocol == "mixed" else protocol


@dataclass(frozen=True)
class Sensor:
    """A sensor that Home Assistant's MQTT integration reads with a template."""

    name: str
    topic: str
    template: str
    unit: str | None = None


def announcement(protocol: str, number: int) -> list[Message]:
    """Return what makes a charge point known, with first values."""
    if spoken(protocol, number) == "everest":
        capabilities = {
            "max_current_A_import": 32.0,
            "min_current_A_import": 6.0,
            "max_phase_count_import": 3,
            "min_phase_count_import": 1,
            "max_current_A_export": 0.0,
            "min_current_A_export": 0.0,
            "max_phase_count_export": 3,
            "min_phase_count_export": 3,
            "supports_changing_phases_during_charging": False,
            "connector_type": "IEC62196Type2Cable",
        }
        found = [
            (_EVSE.format(number, "heartbeat"), b"1"),
            (_EVSE.format(number, "evse_id"), _bytes(f"DE*BENCH*{number:04}")),
            (_EVSE.format(number, "hw_capabilities"), _bytes(capabilities)),
        ]
    else:
        services = [
            {
                "name": service,
                "address": f"/rt:dev/rn:bench/ad:1/sv:{service}/ad:{number}",
                "props": props,
                "interfaces": [
                    {"intf_t": direction, "msg_t": name, "val_t": kind, "ver": "1"}
                    for direction, name, kind in interfaces
                ],
            }
            for service, props, interfaces in _SERVICES
        ]
        thing = {"address": str(number), "product_name": f"Bench {number}", "services": services}
        found = [(_ADAPTER, _fimp("evt.thing.inclusion_report", "object", thing, "bench"))]
    return [*found, *next(_rounds(protocol, number)), probe(protocol, number, 1)]


def stream(protocol: str, charge_points: int, sites: int = 0) -> Iterator[Message]:
    """Yield what the charge points publish, forever: each in turn, one message at a time.

    Every other one publishes the first message of its round, so that both kinds come all the time.
    """
    rounds = [_rounds(protocol, number) for number in range(1, charge_points + 1)]
    for each in rounds:
        # The announcement had the first one.
        next(each)
    while True:
        pairs = [next(each) for each in rounds]
        for turn in range(2):
            for number, pair in enumerate(pairs, 1):
                yield at_site(pair[(number + turn) % 2], number, sites)


def prefixes(sites: int) -> list[str]:
    """Return the topic prefix of each site."""
    return [f"site{number}/" for number in range(sites)]


def at_site(message: Message, number: int, sites: int) -> Message:
    """Return a message of a charge point as its site's bridge forwards it; there may be no site."""
    topic, payload = message
    return (prefixes(sites)[number % sites] + topic, payload) if sites else message


def probe(protocol: str, number: int, index: int) -> Message:
    """Return the status report with this index of a series: each one changes the status."""
    protocol = spoken(protocol, number)
    word = PROBES[protocol][index % 2]
    if protocol == "everest":
        return _EVSE.format(number, "session_info"), _bytes(_session(word, index))
    return _THING.format("chargepoint", number), _fimp(
        "evt.state.report", "string", word, "chargepoint"
    )


def reply(topic: str, payload: bytes) -> Message | None:
    """Return what an EVSE of EVerest sends for a request; up to 2026.02 none answers a `/get`."""
    prefix, _, operation = topic.partition("/m2e/")
    if operation != "get_evse":
        return None
    evse = {"id": int(prefix.rpartition("_")[2]), "connectors": [{"id": 1}]}
    site = prefix.partition("everest_api/")[0]
    return site + json.loads(payload)["headers"]["replyTo"], _bytes(evse)


def sensors(protocol: str, number: int) -> Iterator[Sensor]:
    """Yield twelve sensors for the values of a charge point."""
    if spoken(protocol, number) == "everest":
        meter, session = (_EVSE.format(number, name) for name in ("powermeter", "session_info"))
        yield Sensor("status", session, "{{ value_json.state }}")
        yield Sensor("charged", session, "{{ value_json.charged_energy_wh / 1000 }}", "kWh")
        yield Sensor("duration", session, "{{ value_json.session_duration_s }}", "s")
        yield Sensor("power", meter, "{{ value_json.power_W.total }}", "W")
        yield Sensor("energy", meter, "{{ value_json.energy_Wh_import.total / 1000 }}", "kWh")
        yield Sensor("frequency", meter, "{{ value_json.frequency_Hz.L1 }}", "Hz")
        for phase in _PHASES:
            yield Sensor(f"i_{phase}", meter, f"{{{{ value_json.current_A.{phase} }}}}", "A")
            yield Sensor(f"u_{phase}", meter, f"{{{{ value_json.voltage_V.{phase} }}}}", "V")
        return
    meter, state = (_THING.format(name, number) for name in ("meter_elec", "chargepoint"))
    yield Sensor("status", state, "{{ value_json.val }}")
    power = "{% if value_json.type == 'evt.meter.report' %}{{ value_json.val }}{% endif %}"
    yield Sensor("power", meter, power, "W")
    units = {"e": "kWh", "i": "A", "u": "V", "p": "W"}
    for name in ("e_import", "freq", *_PER_PHASE[:8]):
        template = (
            "{% if value_json.type == 'evt.meter_ext.report' %}"
            f"{{{{ value_json.val.{name} }}}}{{% endif %}}"
        )
        yield Sensor(name, meter, template, units.get(name[0]))


#: Name, properties, and interfaces of each service of a thing.
_SERVICES = (
    (
        "chargepoint",
        {
            "sup_states": ["disconnected", "ready_to_charge", "charging", "suspended_by_ev"],
            "sup_max_current": 32,
            "phases": 3,
        },
        (
            ("in", "cmd.charge.start", "null"),
            ("in", "cmd.charge.stop", "null"),
            ("in", "cmd.state.get_report", "null"),
            ("out", "evt.state.report", "string"),
        ),
    ),
    (
        "meter_elec",
        {
            "sup_units": ["W", "kWh"],
            "sup_extended_vals": ["e_import", "freq", *_PER_PHASE],
        },
        (
            ("in", "cmd.meter.get_report", "string"),
            ("out", "evt.meter.report", "float"),
            ("out", "evt.meter_ext.report", "float_map"),
        ),
    ),
)


def _rounds(protocol: str, number: int) -> Iterator[tuple[Message, Message]]:
    """Yield the two messages that a charge point publishes each second."""
    protocol = spoken(protocol, number)
    for index in count():
        watts = 10_000 + 10 * ((index * 7 + number) % 97)
        if protocol == "everest":
            yield (
                (_EVSE.format(number, "powermeter"), _bytes(_powermeter(watts, index))),
                (_EVSE.format(number, "session_info"), _bytes(_session("Charging", index, watts))),
            )
        else:
            topic = _THING.format("meter_elec", number)
            amps, volts = watts / 690, 229.5 + index % 11 / 10
            values = {"e_import": 1000 + index / 360, "freq": 50.0 + index % 3 / 100}
            for n in "123":
                values |= {f"i{n}": amps, f"u{n}": volts, f"p{n}": watts / 3}
            props = {"unit": "W"}
            yield (
                (topic, _fimp("evt.meter.report", "float", float(watts), "meter_elec", props)),
                (topic, _fimp("evt.meter_ext.report", "float_map", values, "meter_elec")),
            )


def _powermeter(watts: int, index: int) -> dict[str, object]:
    energy = 1_000_000 + index * 3
    return {
        "current_A": dict.fromkeys(_PHASES, round(watts / 690, 3)) | {"N": 0.0},
        "energy_Wh_import": dict.fromkeys(_PHASES, energy / 3) | {"total": float(energy)},
        "frequency_Hz": dict.fromkeys(_PHASES, 50.0 + index % 3 / 100),
        "meter_id": "BENCH",
        "phase_seq_error": False,
        "power_W": dict.fromkeys(_PHASES, watts / 3) | {"total": float(watts)},
        "timestamp": f"2026-11-21T16:{index // 60 % 60:02}:{index % 60:02}.000Z",
        "voltage_V": dict.fromkeys(_PHASES, 229.5 + index % 11 / 10),
    }


def _session(state: str, index: int, watts: int = 10_000) -> dict[str, object]:
    return {
        "charged_energy_wh": 100 + index * 3,
        "discharged_energy_wh": 0,
        "latest_total_w": watts,
        "selected_protocol": "IEC61851-1",
        "session_duration_s": 60 + index,
        "session_start_time": "2026-11-21T15:59:59.600Z",
        "state": state,
        "timestamp": f"2026-11-21T16:{index // 60 % 60:02}:{index % 60:02}.500Z",
        "transaction_duration_s": 50 + index,
        "transaction_start_time": "2026-11-21T16:00:04.355Z",
    }


def _fimp(
    name: str, kind: str, value: object, service: str, props: dict[str, str] | None = None
) -> bytes:
    return _bytes(
        {
            "type": name,
            "serv": service,
            "val_t": kind,
            "val": value,
            "props": props,
            "tags": None,
            "ver": "1",
            "src": "bench",
        }
    )


def _bytes(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def prepared(
    protocol: str, charge_points: int, sites: int = 0, rounds: int = 30
) -> Iterator[Message]:
    """Yield the stream from memory, so that making messages costs the publisher nothing."""
    messages = stream(protocol, charge_points, sites)
    return cycle(list(islice(messages, rounds * 2 * charge_points)))
