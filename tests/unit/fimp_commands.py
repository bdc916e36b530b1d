"""Commands on their way to a FIMP charge point."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import orjson

from .fakes import OfflineHub
from .fimp_messages import report


async def begin(command: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start a command and let it send its message."""
    task = asyncio.create_task(command)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


def last(hub: OfflineHub) -> dict[str, Any]:
    message: dict[str, Any] = orjson.loads(hub.sent[-1][1])
    return message


def session(energy: float, **props: str) -> dict[str, Any]:
    return report("evt.current_session.report", "float", energy, **props)


def refused(uid: str, words: str = "no") -> dict[str, Any]:
    return report("evt.error.report", "string", "failed", msg=words) | {"corid": uid}
