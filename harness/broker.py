"""An MQTT broker in this process, for machines without a broker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
import logging
import random
import socket

from amqtt.broker import Broker

HOST = "127.0.0.1"


#: Below the ports that the kernel assigns to clients, so that no client takes the port of a
#: broker while it restarts.
_PORTS = range(20_000, 32_768)


def free_port() -> int:
    """Return an unused port of this machine, chosen randomly for parallel test runs.

    Raises:
        OSError: all ports that were tried are in use.

    """
    generator = random.SystemRandom()
    for port in generator.sample(_PORTS, 50):
        with socket.socket() as listener, suppress(OSError):
            listener.bind((HOST, port))
            return port
    raise OSError("no free port found")


@asynccontextmanager
async def embedded_broker(port: int | None = None) -> AsyncIterator[int]:
    """Run a broker on 127.0.0.1 that accepts all clients; yields its port."""
    port = port or free_port()
    # It logs every packet and every disconnect.
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
