"""Starting a session with a token, at a station that waits for one."""

import json
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandRefusedError,
    InvalidRequestError,
)
from custom_components.fimp_chargepoint.chargepoint.options import Options, Token

from .fakes import OfflineHub, waits
from .fimp_commands import begin

ROOT = "everest_api/1"
EVSE = f"{ROOT}/evse_manager_consumer/evse"
READER = f"{ROOT}/auth_token_provider/reader"
JUDGE = f"{ROOT}/auth_consumer/auth"
TOKEN = Token("DEADBEEF", "ISO14443")


def station(token: Token | None = TOKEN, *, word: str) -> OfflineHub:
    """Return a hub with one EVSE in a state, a reader and a module that validates tokens."""
    hub = OfflineHub(options=Options(measurement_interval=0, token=token))
    hub.connection_made()
    hub.feed(f"{EVSE}/e2m/heartbeat", 1)
    hub.feed(f"{READER}/e2m/heartbeat", 1)
    hub.feed(f"{JUDGE}/e2m/heartbeat", 1)
    hub.feed(f"{EVSE}/e2m/session_info", {"state": word})
    hub.take_sent()
    return hub


def publish_validation(hub: OfflineHub, status: str, value: str = TOKEN.value) -> None:
    """Let the station report the result for a token."""
    validation = {"messages": [], "status": status, "token": {"id_token": {"value": value}}}
    hub.feed(f"{JUDGE}/e2m/token_validation_status", validation)


def topics(hub: OfflineHub) -> list[str]:
    return [topic for topic, _ in hub.sent]


@pytest.mark.parametrize("word", ["AuthRequired", "AuthTimeout"])
async def test_the_token_starts_a_session(word: str) -> None:
    hub = station(word=word)
    (node,) = hub.nodes.values()
    start = await begin(node.start_charging())
    ((topic, payload),) = hub.sent
    assert topic == f"{READER}/m2e/provided_token"
    assert json.loads(payload) == {
        "id_token": {"value": "DEADBEEF", "type": "ISO14443"},
        "authorization_type": "RFID",
    }
    for status in ("Processing", "Accepted", "UsedToStart"):
        publish_validation(hub, status)
    # Accepted is not charging yet.
    assert await waits(start)
    hub.feed(f"{EVSE}/e2m/session_info", {"state": "Charging"})
    await start


@pytest.mark.parametrize("status", ["Rejected", "TimedOut"])
async def test_a_refused_token_is_a_refusal(status: str) -> None:
    hub = station(word="AuthRequired")
    (node,) = hub.nodes.values()
    start = await begin(node.start_charging())
    publish_validation(hub, status, "another token")
    assert await waits(start)
    publish_validation(hub, status)
    with pytest.raises(CommandRefusedError, match=status):
        await start


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"token": None}, "AuthRequired"),
        # Shown again, a token ends the session that it has started.
        ({}, "ChargingPausedEVSE"),
        ({}, "Preparing"),
    ],
)
async def test_otherwise_no_token_is_shown(fields: dict[str, Any], word: str) -> None:
    hub = station(**fields, word=word)
    (node,) = hub.nodes.values()
    start = await begin(node.start_charging())
    assert topics(hub) == [f"{EVSE}/m2e/resume_charging"]
    hub.feed(f"{EVSE}/e2m/session_info", {"state": "Charging"})
    await start


async def test_what_others_show_concerns_nobody() -> None:
    hub = station(word="Charging")
    (node,) = hub.nodes.values()
    before = node.snapshot
    publish_validation(hub, "Rejected")
    hub.feed(f"{JUDGE}/e2m/token_validation_status", {"status": 5, "token": []})
    assert node.snapshot == before
    assert not hub.ignored


@pytest.mark.parametrize(
    "token", [Token("X" * 37, "Local"), Token("ä" * 19, "Local"), Token("A\n", "Local")]
)
async def test_a_token_that_is_none_never_leaves(token: Token) -> None:
    hub = station(token, word="AuthRequired")
    (node,) = hub.nodes.values()
    with pytest.raises(InvalidRequestError, match="invalid_token"):
        await node.start_charging()
    assert hub.sent == []
    assert not node.snapshot.pending
