"""docs/what-you-get.md lists the entities of each kind of charge point."""

from collections.abc import Callable
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.fimp_chargepoint.chargepoint.everest.legacy import (
    protocol as legacy_protocol,
)
from simulators.everest import CompanionSetup, EverestSimulator, EvseSetup, SiteSetup
from simulators.fimp import ChargepointSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess
from tests.metadata.pages import Row, entities

from .conftest import QUICK, load, other_broker, simulator, until

pytestmark = pytest.mark.usefixtures("everything_enabled")

type Cell = Callable[[Row], str]


def fimp(broker: BrokerProcess, profile: str) -> Any:
    """Return a charger of some make."""
    return simulator(broker, ChargepointSetup(profile=profile))


def everest(broker: BrokerProcess, dialect: str) -> Any:
    """Return a station that has everything that an EVSE can have."""
    return EverestSimulator(
        Broker(broker.host, broker.port),
        EvseSetup(limits="limits_api", delay=True, socket=True),
        dialect=dialect,
        companions=CompanionSetup(
            errors="errors_api",
            tokens="tokens_api",
            cost="cost_api",
            ocpp="ocpp_api",
            bus="ocpp",
        ),
        site=SiteSetup(information=True),
        timing=QUICK,
    )


@pytest.mark.parametrize(
    ("make", "kind", "cell"),
    [
        (fimp, "full", lambda row: row.fimp),
        (fimp, "minimal", lambda row: row.fimp),
        (fimp, "easee", lambda row: row.fimp),
        (everest, "main", lambda row: row.everest),
        (everest, "2025.10", lambda row: row.everest),
        (everest, "legacy", lambda row: row.legacy),
    ],
)
async def test_entities(
    hass: HomeAssistant,
    broker: BrokerProcess,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[BrokerProcess, str], Any],
    kind: str,
    cell: Cell,
) -> None:
    """Entities marked *yes* exist, and those marked *no* do not."""
    monkeypatch.setattr(legacy_protocol, "_FIRST", 0.5)
    entry = await load(hass, other_broker(broker, options={"fixed_price": 0.3}))
    registry = er.async_get(hass)

    def there() -> set[tuple[str, str]]:
        return {
            (each.domain, each.original_name or each.unique_id.rpartition("_")[2])
            for each in er.async_entries_for_config_entry(registry, entry.entry_id)
            # Others are settings with the names of the maker.
            if each.translation_key or each.original_device_class
        }

    rows = list(entities())
    always = {(row.platform, row.name) for row in rows if cell(row) == "yes"}
    never = {(row.platform, row.name) for row in rows if cell(row) == "no"}
    async with make(broker, kind) as point:
        await until(lambda: always <= there(), f"{always}")
        (charger,) = point.points.values()
        await charger.plug()
        (plug,) = (each for each in registry.entities if each.endswith("_plug"))
        await until(lambda: hass.states.is_state(plug, "on"), "the plug")
        await hass.async_block_till_done()
        assert not there() & never
        assert there() <= {(row.platform, row.name) for row in rows}
        await hass.config_entries.async_unload(entry.entry_id)
