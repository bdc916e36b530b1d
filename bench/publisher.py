"""Publishes what a fleet of charge points publishes, in a process of its own.

It writes MQTT packets itself: a client library would be slower than what is measured.
"""

import argparse
from itertools import islice
import json
import socket
import sys
import time

from harness.broker import HOST

from . import fleet

#: Seconds between status reports that latency is measured with.
_PROBE_INTERVAL = 0.05


class Publisher:
    """A connection that only publishes, with QoS 0."""

    def __init__(self, port: int) -> None:
        """Connect.

        Raises:
            OSError: the broker does not accept the connection.

        """
        self._socket = socket.create_connection((HOST, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # MQTT 3.1.1 (3.1): clean session, no keepalive, an empty client id.
        self._socket.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00")
        if self._socket.recv(4)[-1:] != b"\x00":
            message = "the broker refused the connection"
            raise OSError(message)

    def send(self, packets: bytes) -> None:
        """Send packets made by `packet`."""
        self._socket.sendall(packets)

    def close(self) -> None:
        """Disconnect."""
        self._socket.sendall(b"\xe0\x00")
        self._socket.close()


def packet(message: fleet.Message, *, retain: bool = False) -> bytes:
    """Return the PUBLISH packet of a message (MQTT 3.1.1, section 3.3)."""
    topic, payload = message[0].encode(), message[1]
    body = len(topic).to_bytes(2) + topic + payload
    length, rest = bytearray(), len(body)
    while True:
        rest, digit = rest >> 7, rest & 0x7F
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes((0x31 if retain else 0x30, *length)) + body


def burst(
    port: int, protocol: str, charge_points: int, messages: int, *, sites: int
) -> list[float]:
    """Publish as fast as the broker takes it; return when that began."""
    publisher, stream = Publisher(port), fleet.prepared(protocol, charge_points, sites)
    packets = b"".join(map(packet, islice(stream, messages)))
    start = time.monotonic()
    publisher.send(packets)
    publisher.close()
    return [start]


def steady(
    port: int,
    protocol: str,
    charge_points: int,
    rate: float,
    seconds: float,
    *,
    sites: int,
    probe: bool,
) -> list[float]:
    """Publish at a steady rate; return when each status report for the latency was sent."""
    publisher, sent = Publisher(port), list[float]()
    messages = fleet.prepared(protocol, charge_points, sites)
    start = time.monotonic()
    for index in range(int(rate * seconds)):
        due = start + index / rate
        time.sleep(max(0.0, due - time.monotonic()))
        if probe and (due - start) >= len(sent) * _PROBE_INTERVAL:
            # The charge point beyond the others publishes nothing else.
            number = charge_points + 1
            message = fleet.at_site(fleet.probe(protocol, number, len(sent)), number, sites)
            sent.append(time.monotonic())
            publisher.send(packet(message))
        publisher.send(packet(next(messages)))
    publisher.close()
    return sent


def main() -> None:
    """Publish, and print the times as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("protocol", choices=fleet.PROTOCOLS)
    parser.add_argument("charge_points", type=int)
    parser.add_argument("--burst", type=int, help="number of messages")
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--sites", type=int, default=0, help="each with a prefix of its own")
    parser.add_argument("--probe", action="store_true", help="also change a status")
    arguments = parser.parse_args()
    to = (arguments.port, arguments.protocol, arguments.charge_points)
    times = (
        burst(*to, arguments.burst, sites=arguments.sites)
        if arguments.burst
        else steady(
            *to, arguments.rate, arguments.seconds, sites=arguments.sites, probe=arguments.probe
        )
    )
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    main()
