"""An EVerest station that is killed while a car charges, and started again."""

from pathlib import Path
import time

from homeassistant.core import HomeAssistant
import pytest

from custom_components.fimp_chargepoint.chargepoint.transport import mqtt
from simulators.everest import EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.conftest import MakeBroker
from tests.helpers.access_rules import USER, access_rules
from tests.helpers.waiting import until
from tests.integration.conftest import Chargepoint, load, other_broker

from .scene import TIMING, TRUTH_TIME, leftovers, log_lines, report

pytestmark = pytest.mark.all

_CLOSE = 0.03


def energy(found: Chargepoint) -> float:
    """Return the energy of the session that is shown."""
    shown = found.state("sensor", "session_energy")
    return 0.0 if shown in (None, "unknown", "unavailable") else float(shown)


async def test_station_killed_in_a_session(
    hass: HomeAssistant,
    make_broker: MakeBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It forgets its session, and begins another one with the car; energy is counted once."""
    # The simulator shares our event loop, so the faults of its client would count as ours.
    monkeypatch.setattr("simulators.mqtt.aiomqtt.Client", mqtt._Client)
    broker = make_broker(lines=access_rules(tmp_path))
    station = EverestSimulator(
        Broker(broker.host, broker.port), EvseSetup(module="carport"), timing=TIMING
    )
    async with station as point:
        entry = await load(hass, other_broker(broker, username=USER))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("sensor", "status", "disconnected")
        connector = point["carport"].connector
        before = connector.lifetime
        await point.plug()
        await found.wait_for_state("sensor", "status", "charging")
        await until(lambda: energy(found) > 0, "energy to flow")
        left = leftovers()
        received = len(point.received)

        with log_lines() as lines:
            first = energy(found)
            await point.kill()
            await point.__aenter__()
            began = time.monotonic()
            await found.wait_for_state("sensor", "status", "charging")
            await until(
                lambda: (
                    (found.state("switch", "charging") == "on")
                    and float(found.state("sensor", "power") or "nan") > 0
                ),
                "everything to be true",
            )
            seconds = time.monotonic() - began
            assert seconds < TRUTH_TIME
            assert not +lines
        sent = [topic for topic, _ in point.received[received:]]
        assert not [topic for topic in sent if topic.endswith(("resume_charging", "start"))]
        await until(lambda: not leftovers() - left, "nothing to be left over")

        await found.call("switch", "turn_off", "charging")
        await point.unplug()
        await found.wait_for_state("sensor", "status", "disconnected")
        tracker = entry.runtime_data.sessions.of("everest:carport").tracker
        counted = connector.lifetime - before
        one, other = await until(lambda: len(tracker.records) == 2 and tracker.records, "records")
        assert first <= one.energy <= one.energy + other.energy <= counted + _CLOSE
        assert other.energy == pytest.approx(connector.energy, abs=_CLOSE)
        await hass.config_entries.async_unload(entry.entry_id)
    report(
        "EVerest station killed (`kill -9`) and restarted in a session",
        "values, energy of both sessions, no start, no log line, nothing left over",
        seconds,
    )
