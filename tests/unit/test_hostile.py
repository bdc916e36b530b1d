"""Any message costs at most itself: nothing crashes, nothing grows without a bound."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
import gzip
import json
from math import isfinite
import sys
from time import process_time
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint import readers
from custom_components.fimp_chargepoint.chargepoint.blue_current import decoding
from custom_components.fimp_chargepoint.chargepoint.errors import ProtocolError
from custom_components.fimp_chargepoint.chargepoint.everest import envelope
from custom_components.fimp_chargepoint.chargepoint.everest import internal_bus as bus
from custom_components.fimp_chargepoint.chargepoint.fimp import message, topic
from custom_components.fimp_chargepoint.chargepoint.fimp.inclusion import parse_thing
from custom_components.fimp_chargepoint.chargepoint.fimp.vinculum import VinculumDirectory
from custom_components.fimp_chargepoint.chargepoint.journal import Journal
from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot, Feature
from custom_components.fimp_chargepoint.chargepoint.options import Options
from custom_components.fimp_chargepoint.chargepoint.sessions import (
    SessionEventType,
    SessionTracker,
)
from simulators.recording import read_recording
from tests.helpers.recordings import names, recording

from .fakes import OfflineHub
from .fimp_messages import ADAPTER, ADDRESS, CHARGER, inclusion, report, state

#: Messages as charge points sent them, one of each topic.
CORPUS: list[tuple[str, bytes]] = list(
    {
        line.topic: (line.topic, line.payload)
        for folder in ("fimp/live", "everest/live")
        for name in names(folder)
        for line in read_recording(recording(name))
    }.values()
)

SESSION_INFO = {
    "state": "Charging",
    "charged_energy_wh": 0,
    "discharged_energy_wh": 0,
    "latest_total_w": 0,
    "session_duration_s": 9,
    "timestamp": "2026-11-21T16:46:25Z",
}

ODD_TEXTS = st.sampled_from(
    ["", "\x00", "\ud800", "+", "#", "../..", "a/b", "$SYS", "NaN", "1e999", "é" * 300, "x" * 70000]
)
ODD_NUMBERS = st.sampled_from([2**63, -(2**70), 10**400, 1e308, -0.0, float("nan"), float("inf")])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | ODD_TEXTS
VALUES = st.recursive(
    SCALARS | ODD_NUMBERS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=20,
)
#: What no encoder writes.
BROKEN = st.sampled_from(
    [
        b"",
        b"\xff\xfe",
        b"\x1f\x8b",
        b"\x1f\x8b" + b"\x00" * 50,
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b'{"type":"evt.state.report","type":5,"val_t":"string","val":"charging"}',
        b'{"type":"evt.meter.report","val_t":"float","val":NaN,"props":{"unit":"W"}}',
        b'{"object":"CH_STATUS","data":{"actual_p1":1e999}}',
        gzip.compress(b" " * 3_000_000),
        json.dumps({"type": "evt.state.report", "val": "\ud800"}).encode(),
        b"9" * 5000,
        b'{"type":"evt.state.report","val_t":"string","val":"charging","val":"error","val":null}',
        b'{"type":"evt.meter.report","val_t":"float","val":"16","props":{"unit":"W"}}',
    ]
)
SETTINGS = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def written(value: object) -> bytes:
    """Return the JSON of a value, also of one that JSON does not have."""
    return json.dumps(value).encode(errors="surrogatepass")


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a recorded message with something else somewhere in it."""
    where, payload = draw(st.sampled_from(CORPUS))
    try:
        content = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return where, draw(st.binary(max_size=200))
    return where, written(_replaced(draw, content))


def _replaced(draw: st.DrawFn, value: Any) -> Any:
    """Return a value with one part replaced, somewhere inside."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(value)))
        return value | {key: _replaced(draw, value[key])}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], _replaced(draw, value[place]), *value[place + 1 :]]
    return draw(VALUES)


PAYLOADS = VALUES.map(written) | BROKEN | st.binary(max_size=300) | damaged().map(lambda m: m[1])

BUS_VARIABLE = ["modules", "a", "impl", "b", "var", "c"]

DECODERS: Mapping[str, Callable[[bytes], object]] = {
    "fimp": message.decode,
    "fimp thing": lambda payload: parse_thing(message.decode(payload).value),
    "fimp directory": lambda payload: VinculumDirectory(lambda _: False).answered(
        message.decode(payload).value
    ),
    "fimp content": lambda payload: topic.content(CHARGER, payload),
    "everest": lambda payload: envelope.mapping(envelope.decode(payload)),
    "everest bus": lambda payload: bus.parse_variable(
        ["modules", "a", "impl", "b", "var", "c"], payload
    ),
    "everest bus result": bus.parse_result,
    "blue current": decoding.decode,
    "blue current topic": decoding.topic,
}


@pytest.mark.parametrize("decoder", DECODERS)
@SETTINGS
@given(payload=PAYLOADS)
def test_decoder_returns_or_raises_a_protocol_error(decoder: str, payload: bytes) -> None:
    explanation = ""
    try:
        DECODERS[decoder](payload)
    except ProtocolError as error:
        explanation = str(error)
    assert len(explanation) < 500, "it is logged"


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("payload", [b'"%b"', b'{"type":"a","object":"b","data":"%b"}'])
def test_payload_of_100_mb_is_refused_at_once(decoder: str, payload: bytes) -> None:
    huge = payload % (b"x" * 100_000_000)
    began = process_time()
    with suppress(ProtocolError):
        DECODERS[decoder](huge)
    assert process_time() - began < 2


@SETTINGS
@given(
    messages=st.lists(
        damaged() | st.tuples(st.sampled_from([each for each, _ in CORPUS]), PAYLOADS), max_size=20
    )
)
async def test_nothing_that_arrives_costs_another_message(
    messages: list[tuple[str, bytes]],
) -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, inclusion())
    for where, payload in messages:
        hub.feed(where, payload)
        hub.advance(hub.clock.time + 5)
    assert not hub.internal_errors.counts
    hub.feed(CHARGER, state("charging"))
    assert hub.nodes[ADDRESS].snapshot.status == "charging"


TOPICS = st.text(min_size=1) | st.sampled_from(
    [
        "pt:j1/mt:evt/rt:dev/rn:{0}/ad:1/sv:chargepoint/ad:{0}",
        "pt:j1/mt:evt/rt:ad/rn:{0}/ad:{0}",
        "pt:j1c1/mt:evt/rt:dev/rn:{0}/ad:1/sv:meter_elec/ad:{0}",
        "everest_api/1/evse_manager_consumer/{0}/e2m/session_event",
        "everest_api/1/{0}/{0}/e2m/{0}",
        "everest_api/{0}/var/session_info",
        "everest_api/{0}",
    ]
)


@SETTINGS
@given(pattern=TOPICS, name=ODD_TEXTS | st.text(), payload=PAYLOADS)
async def test_no_name_leaves_its_topic(pattern: str, name: str, payload: bytes) -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(pattern.replace("{0}", name), payload)
    hub.advance(hub.clock.time + 60)
    assert not hub.internal_errors.counts
    for where, _ in hub.sent:
        assert "+" not in where
        assert "#" not in where
        assert "\x00" not in where
        assert len(where) < 70000


def test_one_huge_message_leaves_the_others_in_the_journal() -> None:
    journal = Journal(bytes_max=10_000)
    for number in range(10):
        journal.add(number, "a", b"x" * 100)
    journal.add(11, "b", b"x" * 100_000_000)
    assert len(journal.recent) == 11
    assert len(journal.recent[-1].payload) == 2500


@pytest.mark.parametrize("name", ["", "x" * 201, "a\x00b", "a\x1fb", "a+b", "#", "a/b"])
@pytest.mark.parametrize(
    ("pattern", "payload"),
    [
        ("everest_api/1/evse_manager_consumer/{0}/e2m/session_info", SESSION_INFO),
        ("everest_api/{0}/var/session_info", {"state": "Charging"}),
        ("everest/modules/{0}/impl/main/var", {"name": "is_connected", "data": True}),
        ("pt:j1/mt:evt/rt:dev/rn:{0}/ad:1/sv:chargepoint/ad:1", state()),
    ],
)
async def test_name_that_cannot_be_a_level_is_not_used(
    pattern: str, payload: object, name: str
) -> None:
    hub = OfflineHub(options=Options(internal_bus="everest"))
    hub.connection_made()
    found = hub.recognise(pattern.replace("{0}", name), orjson.dumps(payload))
    hub.feed(pattern.replace("{0}", name), payload)
    hub.advance(hub.clock.time + 60)
    assert found is None
    assert not hub.nodes
    assert not hub._protocols[-1][1]._modules  # type: ignore[attr-defined]


async def test_huge_numbers_do_not_become_infinite() -> None:
    """Each is finite, their product is not."""
    hub = OfflineHub()
    hub.connection_made()
    where = "everest_api/1/evse_manager_consumer/a/e2m/"
    hub.feed(f"{where}session_info", SESSION_INFO)
    hub.feed(
        f"{where}hw_capabilities",
        {"max_current_A_import": 1e308, "min_current_A_import": 6.0, "max_phase_count_import": 3},
    )
    hub.advance(hub.clock.time + 60)
    (node,) = hub.nodes.values()
    ranges = node.snapshot.capabilities.ranges
    assert ranges[Feature.MAX_CURRENT].maximum == 32
    assert all(isfinite(each.maximum) for each in ranges.values())


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_session_of_an_impossible_year_ends(moment: str) -> None:
    """A sum with such a time would be no time."""
    hub = OfflineHub()
    hub.connection_made()
    hub.feed(ADAPTER, inclusion())
    hub.feed(CHARGER, state("disconnected"))
    node, tracker = hub.nodes[ADDRESS], SessionTracker()
    events = []
    for word, energy in (("ready_to_charge", 0.0), ("charging", 1.0), ("disconnected", 1.0)):
        hub.advance(hub.clock.time + 60)
        times = {"started_at": moment} | ({"finished_at": moment} if energy else {})
        hub.feed(CHARGER, report("evt.current_session.report", "float", energy, **times))
        hub.feed(CHARGER, state(word))
        assert isinstance(node.snapshot, ChargepointSnapshot)
        events += tracker.take(node.snapshot, hub.clock.time)
        tracker.clock_set(-60.0)
    events += tracker.tick(hub.clock.time + 60)
    assert SessionEventType.SESSION_FINISHED in [each.event_type for each in events]


@pytest.mark.parametrize("read", [readers.timestamp, message.time])
def test_impossible_times_are_unknown(read: Callable[[str], datetime | None]) -> None:
    assert read("1970-01-01T00:00:00Z") is not None
    assert read("0001-01-01T00:00:00Z") is read("9999-12-31T23:59:59Z") is None


async def test_huge_word_of_the_ocpp_connection_is_not_remembered() -> None:
    hub = OfflineHub()
    hub.connection_made()
    where = "everest_api/ocpp/var/connection_status"
    hub.feed(where, b"connected")
    hub.advance(hub.clock.time + 60)
    (client,) = hub.nodes.values()
    for word in (b"connected" * 10_000_000, b"\xff" * 1000):
        hub.feed(where, word)
        assert len(client._legacy_word) < 100  # type: ignore[attr-defined]


async def test_nothing_remembered_grows_without_a_bound() -> None:
    """Topics, errors, charge points, meters, modules: each has its own bound."""
    hub = OfflineHub(options=Options(internal_bus="everest", communication_check=True))
    hub.connection_made()
    # A value of each kind for ever new names.
    for number in range(2500):
        for where in (
            f"pt:j1/mt:evt/rt:dev/rn:n{number}/ad:1/sv:chargepoint/ad:1",
            f"pt:j1/mt:evt/rt:dev/rn:n{number}/ad:1/sv:meter_elec/ad:1",
            f"everest_api/n{number}/var/session_info",
        ):
            hub.feed(where, state())
        hub.feed(f"everest_api/1/error_history_consumer/n{number}/e2m/error_raised", {"uuid": "a"})
        hub.feed(f"everest_api/1/evse_manager_consumer/n{number}/e2m/{number}", {"a": 1})
        hub.feed(f"everest/modules/n{number}/impl/main/var", {"name": "is_connected", "data": True})
    assert len(hub.nodes) <= 200
    protocols = (protocol for _, protocol in hub._protocols)
    for owner in (hub, hub.admission, hub.journal, hub.internal_errors, *protocols):
        for name, value in vars(owner).items():
            if hasattr(value, "__len__"):
                bound = {"_routes": 4096, "_modules": 64, "sent": 10_000}.get(name, 2001)
                assert len(value) <= bound, f"{type(owner).__name__}.{name}"
    assert sys.getsizeof(hub.ignored) < 10_000
