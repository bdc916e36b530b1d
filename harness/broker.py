"""An MQTT broker inside this process, for machines that have none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import logging
import socket

from amqtt.broker import Broker

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


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
