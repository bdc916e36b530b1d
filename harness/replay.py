"""Play the charge point's messages of a recording and print the resulting states.

A recording is a JSON lines file or a diagnostics download of the integration.

At any speed, the integration uses the time of the recording: a timeout of ten seconds
expires after ten seconds of the recording.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
import heapq
import itertools
import json
import logging
from pathlib import Path
import re
import sys
from typing import Any, override
from unittest.mock import AsyncMock, Mock, patch

import aiomqtt
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from custom_components.fimp_chargepoint import hubs
from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.hub import Hub
from custom_components.fimp_chargepoint.chargepoint.journal import Mark
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.scheduler import Clock
from custom_components.fimp_chargepoint.chargepoint.transport.websocket import WebsocketTransport
from custom_components.fimp_chargepoint.flow import account, discovery_scan
from simulators.recording import CONNECTED, Line, Recording, read

from .broker import HOST, embedded_broker
from .headless import add_account, add_integration, headless, integration_states

_LOGGER = logging.getLogger("replay")

#: How a message of a recording reaches the integration, and the entry that it is for.
type _Deliver = Callable[[Line], Awaitable[None]]
type _Stage = tuple[ConfigEntry, _Deliver]

#: Seconds after the last line, for updates that the integration delays.
_AFTERWARDS = 15.0
#: Timeout in seconds for a message through the broker.
_DELIVERY = 10.0
#: The random part of a reply topic.
_ID = re.compile(r"[0-9a-f]{12,}")


class RecordingClock(Clock):
    """A clock that only moves when `advance` is called."""

    def __init__(self, start: float) -> None:
        """Start at `start`, a POSIX timestamp."""
        self._now = start
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._cancelled: set[int] = set()
        self._numbers = itertools.count()

    @override
    def now(self) -> float:
        """Return the current time of the recording."""
        return self._now

    @override
    def call_at(self, when: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when the clock reaches `when`; returns a function that cancels it."""
        number = next(self._numbers)
        heapq.heappush(self._due, (when, number, callback))
        return lambda: self._cancelled.add(number)

    def advance(self, until: float) -> None:
        """Move the clock to `until` and call all callbacks that are due."""
        while self._due and self._due[0][0] <= until:
            when, number, callback = heapq.heappop(self._due)
            if number in self._cancelled:
                self._cancelled.remove(number)
                continue
            self._now = max(self._now, when)
            callback()
        self._now = max(self._now, until)


async def replay(
    recording: Recording, *, speed: float | None = None, all_entities: bool = False
) -> dict[str, Any]:
    """Play `recording` and return the final state of every entity.

    `speed` is a factor; None plays as fast as possible.
    """
    clock = RecordingClock(recording.start or datetime.now().astimezone().timestamp())
    stage = _account if recording.hub == "blue_current" else _broker
    async with (
        headless(clock=clock, all_entities=all_entities) as hass,
        stage(hass, recording) as (entry, deliver),
    ):
        _LOGGER.info("playing %d messages", len(recording.lines))
        await _play(entry.runtime_data.hub, deliver, clock, recording.lines, speed)
        await hass.async_block_till_done()
        clock.advance(clock.now() + _AFTERWARDS)
        await hass.async_block_till_done()
        states = {
            entity_id: {"state": state.state, "attributes": dict(state.attributes)}
            for entity_id, state in integration_states(hass).items()
        }
        await hass.config_entries.async_unload(entry.entry_id)
        return states


@asynccontextmanager
async def _broker(hass: HomeAssistant, recording: Recording) -> AsyncIterator[_Stage]:
    """Deliver messages through a broker."""
    async with embedded_broker() as port, aiomqtt.Client(HOST, port) as player:
        # No charge point reports before the recording starts.
        with patch.object(discovery_scan, "SEARCH_SECONDS", 0):
            entry = await add_integration(
                hass, port, prefixes=recording.prefixes, options=recording.options
            )
        hub: MqttHub = entry.runtime_data.hub

        async def deliver(line: Line) -> None:
            topic = _redirected(hub, line.topic)
            # The message must be processed before the clock moves on.
            expected = hub.received + _is_subscribed(hub, topic)
            await player.publish(topic, line.payload, qos=1)
            async with asyncio.timeout(_DELIVERY):
                while hub.received < expected:
                    await asyncio.sleep(0)

        yield entry, deliver


@asynccontextmanager
async def _account(hass: HomeAssistant, recording: Recording) -> AsyncIterator[_Stage]:
    """Deliver messages as if the server of the account had sent them; nothing connects."""
    silent = {name: AsyncMock() for name in ("start", "stop", "publish")}
    with (
        patch.multiple(WebsocketTransport, send=Mock(), **silent),
        patch.object(hubs, "async_get_clientsession"),
        patch.object(account, "async_get_clientsession"),
    ):
        entry = await add_account(hass, options=recording.options)
        hub: Hub = entry.runtime_data.hub

        async def deliver(line: Line) -> None:
            hub.message(line.topic, line.payload, retained=False)

        yield entry, deliver


async def _play(
    hub: Hub, deliver: _Deliver, clock: RecordingClock, lines: list[Line], speed: float | None
) -> None:
    start = clock.now()
    before = 0.0
    for line in lines:
        if speed:
            await asyncio.sleep((line.t - before) / speed)
        before = line.t
        clock.advance(start + line.t)
        match line.note:
            case "":
                await deliver(line)
            case note if note == CONNECTED:
                hub.connection_made()
            case _:
                hub.connection_lost(NotConnectedError("connection_ended"))


def _is_subscribed(hub: MqttHub, topic: str) -> bool:
    return any(aiomqtt.Topic(topic).matches(topic_filter) for topic_filter in hub.filters)


def _redirected(hub: MqttHub, topic: str) -> str:
    """Return the topic of a reply, with the reply topic of the current request if any."""
    if _ID.search(topic) is None:
        return topic
    for line in hub.journal.newest(Mark.SENT):
        reply_to = _reply_to(line.payload)
        # A reply topic does not contain the topic prefix.
        if reply_to is not None and _without_id(topic).endswith(_without_id(reply_to)):
            return topic[: len(topic) - len(reply_to)] + reply_to
    return topic


def _reply_to(payload: bytes) -> str | None:
    """Return the reply topic of a request, in any protocol."""
    try:
        request = json.loads(payload)
        reply_to = request.get("resp_to") or request["headers"]["replyTo"]
    except ValueError, AttributeError, KeyError, TypeError:
        return None
    return reply_to if isinstance(reply_to, str) else None


def _without_id(topic: str) -> str:
    return _ID.sub("*", topic)


def main() -> int:
    """Replay a recording; returns the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/replay", description=__doc__)
    parser.add_argument(
        "recording", type=Path, help="JSON lines (t, topic, payload) or diagnostics"
    )
    parser.add_argument(
        "--speed", default="max", help="a factor (1 is the recorded speed) or max (default)"
    )
    parser.add_argument(
        "--all", action="store_true", help="include entities that are disabled by default"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    try:
        speed = None if arguments.speed == "max" else float(arguments.speed)
        recording = read(arguments.recording)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    states = asyncio.run(replay(recording, speed=speed, all_entities=arguments.all))
    json.dump(states, sys.stdout, indent=2, default=str)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
