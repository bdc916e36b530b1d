"""Waiting for a broker, a simulator or a process."""

import asyncio
from collections.abc import Callable

import pytest

#: Timeout in seconds, long enough for a busy machine.
PATIENCE = 60.0


async def until[T](condition: Callable[[], T], what: str = "") -> T:
    """Return the result of `condition` as soon as it is true."""
    try:
        async with asyncio.timeout(PATIENCE):
            # No event is available to wait for.
            while not (found := condition()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"timeout while waiting for: {what or condition}")
    return found
