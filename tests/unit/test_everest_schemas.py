"""All messages to EVerest are as its releases define, and all their messages are accepted."""

import ast
import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
import re
from typing import Any, NamedTuple

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint import everest
from custom_components.fimp_chargepoint.chargepoint.authorization import (
    AllowCharging,
    AnswerAuthorization,
    CancelReservation,
    Permission,
    Reserve,
    ShowToken,
    WithdrawAuthorization,
)
from custom_components.fimp_chargepoint.chargepoint.errors import ProtocolError
from custom_components.fimp_chargepoint.chargepoint.everest.api import chargepoint
from custom_components.fimp_chargepoint.chargepoint.everest.api.authorization import (
    AUTHORIZATION_TYPES,
    STATUSES,
)
from custom_components.fimp_chargepoint.chargepoint.everest.api.companions import (
    TOKEN_TYPES,
    CompanionModules,
)
from custom_components.fimp_chargepoint.chargepoint.everest.api.protocol import EverestProtocol
from custom_components.fimp_chargepoint.chargepoint.everest.envelope import decode
from custom_components.fimp_chargepoint.chargepoint.everest.ocpp import client as ocpp
from custom_components.fimp_chargepoint.chargepoint.model import Feature
from custom_components.fimp_chargepoint.chargepoint.ocpp import (
    ChangeAvailability,
    GetVariables,
    MonitorVariables,
    OcppClient,
    OcppCommand,
    SendSecurityEvent,
    SetVariable,
)
from custom_components.fimp_chargepoint.chargepoint.options import Token
from simulators.recording import Line, read_recording
from tests.helpers.recordings import recording, samples
from tests.helpers.schemas import SCHEMAS, Schemas

from .everest_limits import HARDWARE, OURS, holding
from .everest_modules import discovery, error
from .everest_site import ERRORS, EVSE, LIMITS, ROOT, Site, begin
from .fakes import OfflineHub, waits

TOKENS, JUDGE, OCPP = "auth_token_provider", "auth_consumer", "ocpp_consumer"
MODULES = {EVSE: "evse_1", ERRORS: "errors_1", LIMITS: "limits_1", TOKENS: "t", JUDGE: "a"}
MODULES |= {OCPP: "ocpp_1"}
GETTABLE = (*chargepoint.GETTABLE, *ocpp.GETTABLE)


class Message(NamedTuple):
    """Something that was sent: to a kind of module, or to all (`entrypoint`)."""

    kind: str
    operation: str
    value: Any


CARD = Token("DEADBEEF", "ISO14443")


# What is sent ----------------------------------------------------------------------------


def parse(topic: str, payload: bytes) -> Message:
    """Return what was sent; it must be on a topic that EVerest reads."""
    value = orjson.loads(payload)
    match topic.split("/"):
        case ["everest_api", "1", kind, module, "m2e", *operation] if MODULES[kind] == module:
            return Message(kind, "/".join(operation), value)
        case ["everest_api", "discover"]:
            return Message("entrypoint", "discover", value)
    pytest.fail(f"nobody reads {topic}")


#: All OCPP requests of the API, with the possible contents of each field.
OCPP_COMMANDS: tuple[OcppCommand, ...] = (
    GetVariables(names=("HeartbeatInterval", "x" * 50)),
    GetVariables(names=("HeartbeatInterval",), component="OCPPCommCtrlr"),
    SetVariable(name="DisplayText", value=""),
    SetVariable(name="DisplayText", value="ü" * 500, component="DisplayCtrlr"),
    MonitorVariables(names=("HeartbeatInterval",)),
    SendSecurityEvent(kind="SettingSystemTime"),
    SendSecurityEvent(kind="x" * 50, info="x" * 255, critical=True),
    ChangeAvailability(operative=True),
    ChangeAvailability(operative=False, evse=1),
    ChangeAvailability(operative=False, evse=1, connector=2),
)


async def ask_station(site: Site) -> None:
    """Ask what is not about one EVSE: its OCPP client, and for the diagnostics its errors."""
    site.publish(OCPP, "ocpp_1", "connection_status", {"connected": True})
    client = site.hub.nodes["everest_ocpp:ocpp_1"]
    assert isinstance(client, OcppClient)
    for each in OCPP_COMMANDS:
        asked = asyncio.create_task(client.perform(each))
        assert await waits(asked) is not isinstance(each, (MonitorVariables, SendSecurityEvent))
        asked.cancel()
    history = asyncio.create_task(site.hub.error_history())
    assert await waits(history)
    site.answer("get_errors", {"errors": [error()]})
    assert [*(await history).values()] == [[error()]]


async def everything() -> list[Message]:
    """Return all that is sent while everything is done that can be done."""
    site = Site()
    site.hub.options = replace(
        site.hub.options,
        token=Token("DEADBEEF", "ISO14443"),
        communication_check=True,
    )
    site.hub.connection_made()
    site.hub.feed("everest_api/ready_beacon", {})
    site.evse("heartbeat", 100)
    for kind, module in MODULES.items():
        site.publish(kind, module, "heartbeat", 100)
    site.evse("hw_capabilities", HARDWARE)
    site.evse("enforced_limits", holding(16.0))
    site.evse("random_delay_countdown", {"countdown_s": 300})
    node = site.node()
    assert node.snapshot.capabilities.controls == {
        Feature.CHARGING,
        Feature.ENABLED,
        Feature.STOP_TRANSACTION,
        Feature.UNLOCK_CONNECTOR,
        Feature.MAX_CURRENT,
        Feature.MAX_POWER,
        Feature.PHASES,
        Feature.RANDOM_DELAY,
        Feature.RANDOM_DELAY_DURATION,
        Feature.SKIP_RANDOM_DELAY,
    }, "there is something new that can be done"
    tasks: list[asyncio.Task[None]] = []
    for word in ("AuthRequired", "ChargingPausedEVSE", "Finished"):
        site.info(word)
        tasks.append(await begin(node.start_charging()))
        site.wait(11)
    site.info("Charging")
    tasks += [
        await begin(node.stop_charging()),
        await begin(node.set(Feature.ENABLED, value=False)),
        await begin(node.set(Feature.MAX_CURRENT, 10)),
        await begin(node.set(Feature.PHASES, "1")),
        await begin(node.set(Feature.MAX_POWER, 5000)),
        await begin(node.act(Feature.STOP_TRANSACTION)),
        await begin(node.act(Feature.UNLOCK_CONNECTOR)),
        await begin(node.set(Feature.RANDOM_DELAY, value=False)),
        await begin(node.set(Feature.RANDOM_DELAY, value=True)),
        await begin(node.set(Feature.RANDOM_DELAY_DURATION, 60.7)),
        await begin(node.act(Feature.SKIP_RANDOM_DELAY)),
    ]
    site.wait(11)
    # Other values, and with what holds.
    site.evse("session_info", {"state": "Disabled"})
    site.evse("enforced_limits", holding(10.0, OURS, 1, OURS))
    site.answer("get_evse", {"id": 2, "connectors": [{"id": 2, "type": "cType2"}]})
    tasks += [
        await begin(node.set(Feature.ENABLED, value=True)),
        await begin(node.set(Feature.MAX_CURRENT, 6.1)),
        await begin(node.set(Feature.PHASES, "3")),
        await begin(node.act(Feature.UNLOCK_CONNECTOR)),
    ]
    await ask_station(site)
    # Authorization; the first release accepts more requests.
    site.evse("heartbeat", {})
    for kind in sorted(AUTHORIZATION_TYPES):
        await node.give_permission(AnswerAuthorization(token=CARD, status="Invalid", kind=kind))
    for status in sorted(STATUSES):
        await node.give_permission(AnswerAuthorization(token=CARD, status=status, kind="RFID"))
    for word in sorted(TOKEN_TYPES):
        shown = asyncio.create_task(node.give_permission(ShowToken(Token("x" * 36, word))))
        assert await waits(shown)
        shown.cancel()
    with_reply: tuple[Permission, ...] = (
        WithdrawAuthorization(),
        Reserve(2**31 - 1),
        AllowCharging(),
    )
    for permission in with_reply:
        shown = asyncio.create_task(node.give_permission(permission))
        assert await waits(shown)
        shown.cancel()
    # The first release also takes it without the module that decides about tokens.
    node.assign(CompanionModules(), site.hub.clock.time)
    for permission in (WithdrawAuthorization(), CancelReservation()):
        await node.give_permission(permission)
    # It falls silent, comes back, restarts; the connection is lost and comes back.
    site.wait(600)
    site.evse("heartbeat", 1)
    site.evse("heartbeat", 0)
    site.cut()
    site.mend()
    await asyncio.gather(*tasks, return_exceptions=True)
    await site.hub.publish_all(site.hub.disconnecting())
    await site.hub.stop()
    # The same hub also uses other protocols, and another prefix.
    others = ("pt:j1/", "site1/")
    return [parse(*each) for each in site.hub.sent if not each[0].startswith(others)]


@pytest.fixture(name="sent")
async def sent_fixture() -> list[Message]:
    return await everything()


def operations() -> set[str]:
    """Return the operations that the library can ask for, as its source names them."""
    found: set[str] = set()
    for path in Path(everest.__path__[0]).rglob("*.py"):
        if path.stem == "internal_bus":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="request" | "message" | "ask"),
                    args=[ast.Constant(value=str(name)), *_],
                ):
                    found.add(name)
                case ast.Call(
                    func=ast.Attribute(attr="ask"),
                    args=[ast.JoinedStr(values=[*_, ast.Constant(value="/get")]), *_],
                ):
                    found |= {f"{each}/get" for each in GETTABLE}
                case (
                    ast.Call(func=ast.Name(id="OcppCall"), args=[ast.Constant(value=str(name)), *_])
                    | ast.Call(
                        func=ast.Name(id="_Call"), args=[_, ast.Constant(value=str(name)), *_]
                    )
                ):
                    found.add(name)
                case ast.JoinedStr(values=[*_, ast.Constant(value=str(name))]) if name.startswith(
                    "everest_api/"
                ):
                    found.add(name.removeprefix("everest_api/"))
    return found


async def test_every_operation_of_the_library_is_covered(sent: list[Message]) -> None:
    assert operations() >= {"pause_charging", "set_external_limits", "discover"}
    assert {each.operation for each in sent} == operations()


#: Requests that a release does not know, and does not reply to.
_QUESTIONS = {f"{each}/get" for each in GETTABLE} | {"discover"}
#: Requests that are only sent to a station that was seen to know them.
_OFFERED = {"change_availability", "security_event"}
_ONLY_FIRST = {
    "authorize_response",
    "cancel_reservation",
    "external_ready_to_start_charging",
    "reserve",
    "withdraw_authorization",
}
UNKNOWN = {
    "main": _ONLY_FIRST,
    "2026.02": _QUESTIONS | _OFFERED | _ONLY_FIRST,
    "2025.10": _QUESTIONS | _OFFERED | {"monitor_variables"},
}


@pytest.mark.parametrize("release", SCHEMAS)
async def test_all_that_is_sent_is_defined(release: str, sent: list[Message]) -> None:
    schemas = Schemas(release)
    unknown, wrong = set(), []
    for kind, operation, value in sent:
        name = operation if kind == "entrypoint" else f"m2e/{operation}"
        found = schemas.check(kind, name, value)
        if found in ([f"{kind} has no {name}"], [f"there is no {kind}"]):
            unknown.add(operation)
        else:
            wrong += found
    assert wrong == []
    assert unknown == UNKNOWN[release]


@pytest.mark.parametrize(
    ("kind", "operation", "value"),
    [
        (EVSE, "enable_disable", {"headers": {"replyTo": "a"}, "payload": {"connector_id": 0}}),
        (EVSE, "stop_transaction", {"headers": {"replyTo": "a"}, "payload": {"reason": "x"}}),
        (EVSE, "force_unlock", {"headers": {"replyTo": "a"}, "payload": "1"}),
        (EVSE, "pause_charging", {"headers": {"replyTo": 5}}),
        (LIMITS, "set_external_limits", {"schedule_import": []}),
        (LIMITS, "set_external_limits", {"headers": {"replyTo": "a"}, "payload": {}}),
    ],
)
def test_the_check_would_find_what_is_wrong(kind: str, operation: str, value: Any) -> None:
    assert Schemas("main").check(kind, f"m2e/{operation}", value)


#: Requests without a reply are plain; an envelope around them would be refused.
PLAIN = {
    "authorize_response",
    "cancel_reservation",
    "withdraw_authorization",
    "monitor_variables",
    "security_event",
    "communication_check",
    "set_external_limits",
    "provided_token",
    "random_delay_enable",
    "random_delay_disable",
    "random_delay_cancel",
    "random_delay_set_duration_s",
}
LEVEL = r"[^/+#\s]+"


async def test_every_request_says_where_its_reply_goes(sent: list[Message]) -> None:
    """An empty reply topic ends an EVerest up to 2025.12."""
    replies = []
    for kind, operation, value in sent:
        if operation in PLAIN and (kind, operation) != (JUDGE, "withdraw_authorization"):
            assert not isinstance(value, dict) or "headers" not in value
            continue
        assert set(value) <= {"headers", "payload"}
        assert list(value["headers"]) == ["replyTo"]
        reply_to = value["headers"]["replyTo"]
        start = (
            rf"{ROOT}/fimp_chargepoint/{LEVEL}"
            if kind == "entrypoint"
            else f"{ROOT}/{kind}/{MODULES[kind]}"
        )
        name = operation.partition("/{")[0]
        assert re.fullmatch(rf"{start}/e2m/{name}/{LEVEL}", reply_to)
        if kind != "entrypoint":
            replies.append(reply_to)
        # A null is not a payload, and must not be sent if none is expected.
        assert value.get("payload", 0) is not None
    assert len(set(replies)) == len(replies)


# What is published -----------------------------------------------------------------------

RECORDED = (
    "api_v1_main_ac_sessions",
    "legacy_api_main_ac_sessions_thinned",
    "internal_bus_main_samples",
)
#: Messages that are not JSON, by the last level of the topic: words without quotes, or nothing.
UNREADABLE: dict[str, dict[tuple[str, str], int]] = {
    "legacy_api_main_ac_sessions_thinned": {
        ("json", "connection_status"): 6,
        ("json", "datetime"): 14,
        ("json", "hardware_capabilities"): 1,
        ("json", "selected_protocol"): 12,
        ("json", "pause_charging"): 1,
        ("json", "resume_charging"): 1,
    },
}


def recorded(name: str) -> Iterator[Line]:
    """Return the lines of a recording that EVerest has published."""
    return read_recording(recording(f"everest/recorded/{name}"))


def whose(topic: str) -> str:
    """Return why a message is not used."""
    match topic.split("/"):
        case ["fimp_test", _]:
            return "a reply to the driver of the recording"
        case ["everest", "modules", *_]:
            return "the bus inside EVerest"
        case ["everest_api", "1", kind, _, "e2m", _]:
            return f"of {kind}"
        case ["everest_api", *_]:
            return "the legacy API"
    return topic


@pytest.mark.parametrize("name", RECORDED)
def test_nothing_that_was_recorded_is_a_failure(name: str) -> None:
    hub = OfflineHub()
    protocol = EverestProtocol(hub, "")
    unwanted: Counter[str] = Counter()
    heard = 0
    hub.connection_made()
    start = hub.clock.time
    for line in recorded(name):
        hub.advance(start + line.t)
        hub.message(line.topic, line.payload, retained=False)
        if protocol.route(line.topic) is None:
            unwanted[whose(line.topic)] += 1
        heard += 1
    assert hub.ignored == {}
    assert unwanted == {
        "api_v1_main_ac_sessions": {"a reply to the driver of the recording": 56},
        "legacy_api_main_ac_sessions_thinned": {"the legacy API": heard},
        "internal_bus_main_samples": {"the bus inside EVerest": heard},
    }.get(name)
    assert heard > 100


@pytest.mark.parametrize("name", RECORDED)
def test_the_decoder_reads_all_that_was_recorded(name: str) -> None:
    unreadable: Counter[tuple[str, str]] = Counter()
    for line in recorded(name):
        try:
            decode(line.payload)
        except ProtocolError as error:
            unreadable[error.kind, line.topic.rsplit("/", 1)[1]] += 1
    assert unreadable == UNREADABLE.get(name, {})


#: What we send is not a message of EVerest.
OF_CLIENTS = ("request_", "external_limits_", "auth_token_provider_", "parser-")
#: Whose the samples are that are not of an EVSE.
OTHERS = {
    "error_raised": (ERRORS, "error_raised"),
    "external_energy_limits_capabilities": (LIMITS, "capabilities"),
    "token_validation_status": (JUDGE, "token_validation_status"),
    "ocpp_connection_status": (OCPP, "connection_status"),
}
#: What they reply to.
REPLIES = {"reply_active_errors": "active_errors", "reply_get_evse": "get_evse"}
VARIABLES = (
    "ac_nr_of_phases_available",
    "ac_pp_ampacity",
    "dc_mode",
    "dc_voltage_current",
    "dlink_ready",
    "enforced_limits",
    "ev_info",
    "evse_id",
    "heartbeat",
    "hlc_session_failed",
    "hw_capabilities",
    "isolation_measurement",
    "powermeter",
    "random_delay_countdown",
    "selected_protocol",
    "session_event",
    "session_info",
    "supported_energy_transfer_modes",
)


def test_every_sample_of_everest_s_own_serializer_is_taken() -> None:
    site = Site()
    site.evse("heartbeat", 1)
    site.publish(ERRORS, "errors_1", "heartbeat", 1)
    strange = []
    for path in samples():
        stem, data = path.stem, path.read_bytes()
        if stem.startswith(OF_CLIENTS):
            continue
        if stem in OTHERS:
            kind, variable = OTHERS[stem]
            site.publish(kind, MODULES.get(kind, "module"), variable, data)
        elif stem.startswith("reply_"):
            operation = next(REPLIES[each] for each in REPLIES if stem.startswith(each))
            if operation == "active_errors":
                site.evse("heartbeat", 5)
                site.evse("heartbeat", 0)
            site.wait(21)
            site.answer(operation, data)
        elif stem == "entrypoint_discover_reply":
            site.mend()
            site.hub.feed(discovery(site), data)
        elif any(stem.startswith(each) for each in VARIABLES):
            variable = next(each for each in VARIABLES if stem.startswith(each))
            site.evse(variable, data)
        else:
            strange.append(stem)
    assert strange == []
    assert site.hub.ignored == {}
    assert site.shown.available
    assert list(site.hub.nodes) == [
        "everest:evse_1",
        "everest_station:",
        "everest:evse_manager_api",
        "everest_ocpp:ocpp_1",
    ]
