"""Helpers of the benchmarks."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.broker import BrokerProcess

_PATIENCE = 30.0


@contextmanager
def broker(lines: str = "") -> Iterator[int]:
    """Run mosquitto, otherwise amqtt, in its own process; yields its port.

    `lines` are added to the configuration of mosquitto.
    """
    with TemporaryDirectory() as folder:
        process = BrokerProcess(Path(folder), lines=lines)
        process.start()
        try:
            yield process.port
        finally:
            process.stop()


async def until(condition: Callable[[], object]) -> None:
    """Return as soon as `condition` is true.

    Raises:
        TimeoutError: the condition did not become true.

    """
    async with asyncio.timeout(_PATIENCE):
        while not condition():
            await asyncio.sleep(0.05)
