"""Measures the time from a published message to the changed state in Home Assistant.

A separate process publishes at a steady rate for several charge points: status reports, or
measurements with an update interval of 0. Each message changes the state of one entity, so
the n-th change belongs to the n-th message. Both processes use the system's monotonic
clock. The broker is mosquitto if installed, otherwise amqtt.

    bench/latency --rate 200 --seconds 20
"""

import argparse
import asyncio
from collections import deque
import json
import logging
import statistics
import sys
import time
from typing import Any
from unittest.mock import patch

import aiomqtt
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, HomeAssistant, callback

from custom_components.fimp_chargepoint.flow import discovery_scan
from harness.broker import HOST
from harness.headless import add_integration, headless

from .home import broker, until

_ADAPTER = "bench"
_KINDS: dict[str, tuple[str, tuple[str | float, str | float]]] = {
    # Kind: the entity, and the values that alternate.
    "status": ("status", ("charging", "ready_to_charge")),
    "measurement": ("power", (1000.0, 2000.0)),
}


def _topic(service: str, number: int) -> str:
    return f"pt:j1/mt:evt/rt:dev/rn:{_ADAPTER}/ad:1/sv:{service}/ad:{number}"


def _report(kind: str, value: str | float) -> tuple[str, bytes]:
    """Return the service and the bytes of a report."""
    if kind == "status":
        service, report = "chargepoint", {"type": "evt.state.report", "val_t": "string"}
        props = None
    else:
        service, report = "meter_elec", {"type": "evt.meter.report", "val_t": "float"}
        props = {"unit": "W", "is_virtual": "false"}
    message = report | {"serv": service, "val": value, "props": props, "tags": None, "ver": "1"}
    return service, json.dumps(message).encode()


async def publish(port: int, kind: str, rate: float, seconds: float, charge_points: int) -> None:
    """Publish `rate` messages per second and print the time of each message."""
    sent: list[tuple[int, float]] = []
    values = _KINDS[kind][1]
    async with aiomqtt.Client(HOST, port) as client:
        start = time.monotonic()
        for index in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, start + index / rate - time.monotonic()))
            number = index % charge_points + 1
            value = values[index // charge_points % 2]
            service, payload = _report(kind, value)
            sent.append((number, time.monotonic()))
            await client.publish(_topic(service, number), payload)
    json.dump(sent, sys.stdout)


class Arrivals:
    """Records when the entity of each charge point changed."""

    def __init__(self, hass: HomeAssistant, entities: dict[str, int]) -> None:
        """Listen for state changes."""
        self.times: dict[int, deque[float]] = {number: deque() for number in entities.values()}
        self.last = time.monotonic()
        self._entities = entities
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._changed)

    @callback
    def _changed(self, event: Event[Any]) -> None:
        number = self._entities.get(event.data["entity_id"])
        if number is not None:
            self.last = time.monotonic()
            self.times[number].append(self.last)


async def measure(
    port: int, kind: str, rate: float, seconds: float, charge_points: int
) -> dict[str, Any]:
    """Return the latencies in milliseconds through the broker on `port`."""
    entity = _KINDS[kind][0]
    async with headless() as hass:
        with patch.object(discovery_scan, "SEARCH_SECONDS", 0):
            await add_integration(hass, port, options={"measurement_interval": 0})
        await _announce(port, charge_points)
        names = {
            f"sensor.{_ADAPTER}_{number}_{entity}": number for number in range(1, charge_points + 1)
        }
        await until(lambda: all(hass.states.get(name) for name in names))
        await hass.async_block_till_done()
        arrivals = Arrivals(hass, names)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.latency", "--kind", kind, "--rate", str(rate)),
            *("--seconds", str(seconds), "--charge-points", str(charge_points)),
            *("--publish-to", str(port)),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        while time.monotonic() - arrivals.last < 1:
            await asyncio.sleep(0.1)
    latencies: list[float] = []
    missing = 0
    for number, sent in json.loads(output):
        if arrivals.times[number]:
            latencies.append((arrivals.times[number].popleft() - sent) * 1000)
        else:
            missing += 1
    return _summary(kind, rate, charge_points, latencies, missing)


async def _announce(port: int, charge_points: int) -> None:
    """Publish the inclusion report and the first values of each charge point."""
    async with aiomqtt.Client(HOST, port) as client:
        for number in range(1, charge_points + 1):
            services: list[dict[str, Any]] = [
                {
                    "name": service,
                    "address": f"/rt:dev/rn:{_ADAPTER}/ad:1/sv:{service}/ad:{number}",
                    "props": {"sup_units": ["W"]},
                    "interfaces": [],
                }
                for service in ("chargepoint", "meter_elec")
            ]
            thing = {"address": str(number), "product_name": f"bench {number}"}
            report = {
                "type": "evt.thing.inclusion_report",
                "val_t": "object",
                "val": thing | {"services": services},
            }
            topic = f"pt:j1/mt:evt/rt:ad/rn:{_ADAPTER}/ad:1"
            await client.publish(topic, json.dumps(report), qos=1)
            for kind, value in (("status", "disconnected"), ("measurement", 0.0)):
                service, payload = _report(kind, value)
                await client.publish(_topic(service, number), payload, qos=1)


def _summary(
    kind: str, rate: float, charge_points: int, latencies: list[float], missing: int
) -> dict[str, Any]:
    percentiles = statistics.quantiles(latencies, n=1000, method="inclusive")
    return {
        "kind": kind,
        "messages_per_second": rate,
        "charge_points": charge_points,
        "messages": len(latencies),
        "missing": missing,
        "milliseconds": {
            "p50": round(percentiles[499], 2),
            "p99": round(percentiles[989], 2),
            "p99.9": round(percentiles[998], 2),
            "max": round(max(latencies), 2),
        },
    }


def main() -> int:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=200, help="messages per second")
    parser.add_argument("--seconds", type=float, default=20, help="duration, at most 300")
    parser.add_argument("--charge-points", type=int, default=10)
    parser.add_argument("--kind", choices=_KINDS, help="only this kind (default: all)")
    parser.add_argument("--publish-to", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    seconds = min(arguments.seconds, 300)
    if arguments.publish_to:
        asyncio.run(
            publish(
                arguments.publish_to,
                arguments.kind,
                arguments.rate,
                seconds,
                arguments.charge_points,
            )
        )
        return 0
    logging.basicConfig(level=logging.WARNING)
    kinds = [arguments.kind] if arguments.kind else list(_KINDS)
    with broker() as process:
        results = [
            asyncio.run(
                measure(process.port, kind, arguments.rate, seconds, arguments.charge_points)
            )
            for kind in kinds
        ]
    json.dump(results, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
