"""Helpers of the benchmarks."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
import resource
from tempfile import TemporaryDirectory

from tests.broker import BrokerProcess

_PATIENCE = 30.0


@contextmanager
def broker(lines: str = "") -> Iterator[BrokerProcess]:
    """Run mosquitto, otherwise amqtt, in its own process.

    `lines` are added to the configuration of mosquitto.
    """
    with TemporaryDirectory() as folder:
        process = BrokerProcess(Path(folder), lines=lines)
        process.start()
        try:
            yield process
        finally:
            process.stop()


def resident() -> int:
    """Return the resident memory of this process in kB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1024


async def until(condition: Callable[[], object]) -> None:
    """Return as soon as `condition` is true.

    Raises:
        TimeoutError: the condition did not become true.

    """
    async with asyncio.timeout(_PATIENCE):
        while not condition():
            await asyncio.sleep(0.05)
