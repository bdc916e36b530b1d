"""Waiting for what comes from outside: a broker, a simulator, a process."""

import asyncio
from collections.abc import Callable

import pytest

#: Seconds, long enough for a machine that has a lot else to do. Nothing waits for it when
#: all is well.
PATIENCE = 60.0


async def until[T](condition: Callable[[], T], what: str = "") -> T:
    """Return what `condition` returns as soon as that is true."""
    try:
        async with asyncio.timeout(PATIENCE):
            # States come from the outside; there is no event to wait for.
            while not (found := condition()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"waited in vain: {what or condition}")
    return found
