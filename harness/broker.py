"""An MQTT broker inside this process, for machines that have none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
import logging
import random
import socket

from amqtt.broker import Broker

HOST = "127.0.0.1"


#: Below those that the kernel gives to clients: nobody gets the port of a broker by chance
#: while that is away for a moment.
_PORTS = range(20_000, 32_768)


def free_port() -> int:
    """Return a port of this machine that nobody uses.

    By chance, so that test runs beside each other hardly ever choose the same one.

    Raises:
        OSError: every one that was tried is in use.

    """
    chance = random.SystemRandom()
    for port in chance.sample(_PORTS, 50):
        with socket.socket() as listener, suppress(OSError):
            listener.bind((HOST, port))
            return port
    raise OSError("no port is free")


@asynccontextmanager
async def embedded_broker(port: int | None = None) -> AsyncIterator[int]:
    """Run a broker on 127.0.0.1 that takes everybody; yields its port."""
    port = port or free_port()
    # It tells every packet and every good-bye as if it were news.
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.ERROR)
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )
    await broker.start()
    try:
        yield port
    finally:
        await broker.shutdown()
