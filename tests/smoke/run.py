"""Run the integration in a real Home Assistant, without any test harness.

A headless Home Assistant and simulated charge points meet at a broker; our config flow makes
an entry, every charge point is switched on and off, the entry is reloaded and unloaded. One
line of JSON reports the result; the exit code is 0 or 1.

    .venv-2026.11/bin/python -m tests.smoke.run [--port PORT]
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
import json
import logging
from pathlib import Path
import shutil
import sys
from typing import Any, override

from homeassistant.config_entries import SOURCE_MQTT, ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, __version__
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
from homeassistant.setup import async_setup_component

from custom_components.fimp_chargepoint.const import DOMAIN
from harness.broker import HOST, embedded_broker
from harness.headless import add_integration, headless
from simulators.everest import EverestSimulator, EvseSetup
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from simulators.simulator import Timing

#: Ten times faster than reality, to shorten the waits for relays.
_TIMING = Timing(pace=0.1, poll=2, heartbeat=0.5)
_PATIENCE = 30.0
_BLUEPRINTS = Path(__file__).parents[2] / "blueprints" / "automation" / DOMAIN
#: Home Assistant logs this for every custom integration.
_EXPECTED = "which has not been tested by Home Assistant"
_INTEGRATION = "custom_components/fimp_chargepoint/"


class _Complaints(logging.Handler):
    """Keeps what Home Assistant and the integration complain about."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Remember a warning or an error, such as the use of something deprecated."""
        text = f"{record.levelname} {record.name}: {record.getMessage()}"
        ours = record.name.startswith(("homeassistant", "custom_components", "asyncio"))
        if ours and _EXPECTED not in text:
            self.texts.append(text)


async def _wait_for(what: str, look: Callable[[], bool]) -> None:
    """Return when `look` sees what we wait for."""
    try:
        async with asyncio.timeout(_PATIENCE):
            while not look():  # noqa: ASYNC110 - look at anything
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"waited {_PATIENCE:g} s in vain for {what}") from None


def _entities(hass: HomeAssistant, entry: ConfigEntry, domain: str, key: str) -> dict[str, str]:
    """Return the entities of a kind, by the name of their charge point."""
    registry = er.async_get(hass)
    found = {}
    for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
        if entity.domain == domain and entity.translation_key == key and entity.device_id:
            device = dr.async_get(hass).async_get(entity.device_id)
            assert device is not None
            found[str(device.name)] = entity.entity_id
    return found


def _shows(hass: HomeAssistant, entity_id: str, *states: str) -> bool:
    """Return whether an entity has one of these states, and nothing is pending."""
    state = hass.states.get(entity_id)
    return state is not None and state.state in states and not state.attributes.get("pending")


async def _switch(hass: HomeAssistant, entity_id: str, position: str) -> None:
    """Switch charging, and see that it is so."""
    await hass.services.async_call(
        "switch", f"turn_{position}", {"entity_id": entity_id}, blocking=True
    )
    await _wait_for(f"{entity_id} to be {position}", partial(_shows, hass, entity_id, position))


def _state(entry: ConfigEntry) -> ConfigEntryState:
    """Return the state of an entry, which changes behind the back of a type checker."""
    return entry.state


def _origin(task: asyncio.Task[Any]) -> str:
    """Return the coroutine of a task, and its place in the source."""
    code = getattr(task.get_coro(), "cr_code", None)
    return "" if code is None else f"{code.co_filename}:{code.co_qualname}"


async def _automate(hass: HomeAssistant, switches: Mapping[str, str]) -> Counter[str]:
    """Set up an automation in words of our own; return how often each entity has run it."""
    target = {
        "device_id": [er.async_get(hass).async_get(each).device_id for each in switches.values()]
    }
    automation = {
        "triggers": {"trigger": f"{DOMAIN}.charging_started", "target": target},
        "conditions": {"condition": f"{DOMAIN}.is_connected", "target": target},
        "actions": {"event": "run", "event_data": {"by": "{{ trigger.entity_id }}"}},
        "mode": "queued",
    }
    shutil.copytree(_BLUEPRINTS, hass.config.path("blueprints/automation", DOMAIN))
    inputs = {
        "cheapest_hours": {},
        "solar_surplus": {"charging_power": "sensor.car", "grid_power": "sensor.grid"},
        "session_finished": {},
    }
    blueprints = [
        {
            "use_blueprint": {
                "path": f"{DOMAIN}/{name}.yaml",
                "input": {"charge_point": target["device_id"][0], **given},
            },
            # They are checked, but are not to interfere.
            "initial_state": False,
        }
        for name, given in inputs.items()
    ]
    config = {"automation": [automation, *blueprints]}
    assert await async_setup_component(hass, "automation", config)
    states = sorted(each.state for each in hass.states.async_all("automation"))
    assert states == [STATE_OFF] * len(inputs) + [STATE_ON], states
    runs: Counter[str] = Counter()
    hass.bus.async_listen("run", lambda event: runs.update([event.data["by"]]))
    return runs


async def _discover(hass: HomeAssistant) -> None:
    """Hand a message over as the MQTT integration does, and see that it is taken."""
    topic = "pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:3"
    message = {"type": "evt.state.report", "val_t": "string", "val": "charging"}
    service_info = MqttServiceInfo(
        topic=topic,
        payload=json.dumps(message),
        qos=0,
        retain=False,
        subscribed_topic=topic,
        timestamp=0.0,
    )
    flow = hass.config_entries.flow
    result = await flow.async_init(DOMAIN, context={"source": SOURCE_MQTT}, data=service_info)
    assert result["step_id"] == "confirm", result
    flow.async_abort(result["flow_id"])


async def _drive(hass: HomeAssistant, port: int, number: int) -> list[str]:
    """Do what a person does with `number` charge points; return their names."""
    await _discover(hass)
    entry = await add_integration(hass, port)
    assert _state(entry) is ConfigEntryState.LOADED, entry.reason

    find = partial(_entities, hass, entry)
    await _wait_for(f"{number} charge points", lambda: len(find("switch", "charging")) == number)
    switches = find("switch", "charging")
    statuses = find("sensor", "status")
    assert set(switches) == set(statuses)

    runs = await _automate(hass, switches)
    await hass.config_entries.async_reload(entry.entry_id)
    for name, switch in switches.items():
        await _wait_for(f"{name} to be back", partial(_shows, hass, switch, STATE_ON, STATE_OFF))
        # Off first: some begin to charge when a car is plugged in.
        for position in (STATE_OFF, STATE_ON):
            await _switch(hass, switch, position)
        await _wait_for(f"{name} to be charging", partial(_shows, hass, statuses[name], "charging"))
        await _switch(hass, switch, STATE_OFF)
    await _wait_for(f"{number} runs of the automation", lambda: len(runs) == number)

    await hass.config_entries.async_unload(entry.entry_id)
    assert _state(entry) is ConfigEntryState.NOT_LOADED
    left = [each for each in map(_origin, asyncio.all_tasks()) if _INTEGRATION in each]
    assert not left, f"tasks left behind: {left}"
    return sorted(switches)


async def _smoke(port: int | None, complaints: _Complaints) -> list[str]:
    """Bring everything together, and take it apart again."""
    async with AsyncExitStack() as stack:
        if port is None:
            port = await stack.enter_async_context(embedded_broker())
        broker = Broker(HOST, port)
        fimp = FimpSimulator(broker, ChargepointSetup(name="garage"), timing=_TIMING)
        everest = EverestSimulator(broker, EvseSetup(name="carport"), timing=_TIMING)
        for simulator in (fimp, everest):
            await stack.enter_async_context(simulator)
            for point in simulator.points.values():
                await point.plug()
        hass = await stack.enter_async_context(headless())
        names = await _drive(hass, port, number=2)
    assert not complaints.texts, "; ".join(complaints.texts)
    return names


def main() -> int:
    """Run it, and print the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--port", type=int, help="of a broker on this machine; without it one is started"
    )
    options = parser.parse_args()

    complaints = _Complaints()
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger().addHandler(complaints)
    result: dict[str, Any] = {"ok": False, "home_assistant": __version__}
    try:
        result["charge_points"] = asyncio.run(_smoke(options.port, complaints))
        result["ok"] = True
    except Exception as error:
        logging.getLogger(__name__).exception("It did not work")
        result["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(result))  # noqa: T201
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
