"""Counts the function calls for one message and for turning a switch off.

A real Home Assistant discovers a simulated charge point whose adapter sends nothing
unsolicited while counting. Every call of a function of the integration counts, as reported
by `sys.setprofile`: resuming a generator or a coroutine counts again.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
import json
from pathlib import Path
import sys
from types import CodeType, FrameType
from typing import Any
from unittest.mock import patch

from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    Platform,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import Entity

from custom_components import fimp_chargepoint
from custom_components.fimp_chargepoint.chargepoint.journal import Mark
from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.transport.mqtt import MqttTransport
from custom_components.fimp_chargepoint.coordinator import RuntimeData
from custom_components.fimp_chargepoint.flow import discovery_scan
from harness.broker import HOST
from harness.headless import add_integration, headless
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from simulators.simulator import Timing

from .home import until

_FOLDER = Path(fimp_chargepoint.__file__).parent
#: Reacts immediately and polls so rarely that it does not affect the count.
_QUIET = Timing(pace=0, poll=3600)
#: No delays for updates and commands.
_OPTIONS = {"measurement_interval": 0, "restart_delay": 0, "write_interval": 0}
#: Only the second report counts: the first one also runs one-time code.
_WATTS = (2900, 3000)
_SECONDS_OF_SILENCE = 0.5

_STATUS = "sensor.easee_home_status"
_POWER = "sensor.easee_home_power"
_SWITCH = "switch.easee_home"


class Hops:
    """Counts the calls of each function of the integration."""

    def __init__(self) -> None:
        """Start with no calls."""
        #: By module and function.
        self.calls: Counter[tuple[str, str]] = Counter()

    @property
    def modules(self) -> list[str]:
        """The modules with at least one call."""
        return sorted({module for module, _ in self.calls})

    @property
    def functions(self) -> dict[str, int]:
        """The number of calls of each function, highest first."""
        return {f"{module}: {name}": n for (module, name), n in self.calls.most_common()}

    @contextmanager
    def counted(self, last: CodeType | None = None) -> Iterator[None]:
        """Count until the end of the block, or until `last` is called."""

        def entered(frame: FrameType, event: str, _: object) -> None:
            code = frame.f_code
            file = Path(code.co_filename)
            if event == "call" and file.is_relative_to(_FOLDER):
                module = file.relative_to(_FOLDER).as_posix()
                self.calls[module, code.co_qualname] += 1
                if code is last:
                    sys.setprofile(None)

        sys.setprofile(entered)
        try:
            yield
        finally:
            sys.setprofile(None)


async def measure(port: int) -> dict[str, Any]:
    """Return each figure by key, with its parts: a list, or numbers by name.

    Raises:
        TimeoutError: the charge point was not found, or did not execute a command.

    """
    charge_point = ChargepointSetup(profile="easee")
    async with (
        headless() as hass,
        FimpSimulator(Broker(HOST, port), charge_point, timing=_QUIET) as simulator,
    ):
        with patch.object(discovery_scan, "SEARCH_SECONDS", 0):
            entry = await add_integration(hass, port, options=_OPTIONS)
        await until(lambda: hass.states.is_state(_STATUS, "disconnected"))
        await simulator.plug()
        await until(lambda: hass.states.is_state(_STATUS, "ready_to_charge"))
        await _switch(hass, SERVICE_TURN_ON)
        hub: MqttHub = entry.runtime_data.hub
        await _silence(hub)
        found = {
            "listeners": _listeners(entry.runtime_data),
            **await _power_report(hass, hub),
            **await _press(hass),
        }
        await hass.config_entries.async_unload(entry.entry_id)
    return found


async def _power_report(hass: HomeAssistant, hub: MqttHub) -> dict[str, Any]:
    """Count from the payload of a power report to the updated states."""
    report, message = next(
        (line, message)
        for line in hub.journal.newest(Mark.PLAIN)
        if (message := json.loads(line.payload))["type"] == "evt.meter.report"
        and message["props"]["unit"] == "W"
    )
    for watts in _WATTS:
        payload = json.dumps(message | {"val": watts}).encode()
        hops = Hops()
        with hops.counted():
            hub.message(report.topic, payload, retained=False)
            await hass.async_block_till_done()
        await until(lambda watts=watts: hass.states.is_state(_POWER, f"{watts:.1f}"))  # type: ignore[misc]
    return {"report_modules": hops.modules, "report_calls": hops.functions}


async def _press(hass: HomeAssistant) -> dict[str, Any]:
    """Count from turning off the switch to publishing the message."""
    hops = Hops()
    with hops.counted(last=MqttTransport.publish.__code__):
        press = hass.async_create_task(_switch(hass, SERVICE_TURN_OFF))
        await until(lambda: sys.getprofile() is None)
    # The confirmation does not count, and this adapter sends it only at its next poll.
    press.cancel()
    await asyncio.wait([press])
    return {
        "press_modules": hops.modules,
        "press_functions": sorted(hops.functions),
        "press_calls": hops.functions,
    }


def _listeners(data: RuntimeData) -> list[str]:
    """Return the listeners of the charge point's coordinator, except entities."""
    (coordinator,) = data.coordinators.values()
    listeners = [listener for listener, _ in coordinator._listeners.values()]  # noqa: SLF001
    return sorted(
        f"{listener.__module__}: {listener.__qualname__}"
        for listener in listeners
        if not isinstance(getattr(listener, "__self__", None), Entity)
    )


async def _switch(hass: HomeAssistant, action: str) -> None:
    await hass.services.async_call(
        Platform.SWITCH, action, {ATTR_ENTITY_ID: _SWITCH}, blocking=True
    )


async def _silence(hub: MqttHub) -> None:
    """Wait until no more messages arrive."""
    received = -1
    while received != hub.received:
        received = hub.received
        await asyncio.sleep(_SECONDS_OF_SILENCE)
