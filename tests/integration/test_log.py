"""The log: once when something is lost, once when it is back, however often that happens."""

import json
import logging

from homeassistant.core import HomeAssistant
import pytest

from tests.broker import BrokerProcess

from .conftest import Chargepoint, until

_DOWN = {"type": "evt.network.node_report", "val": {"address": "1", "status": "DOWN"}}


def lines(caplog: pytest.LogCaptureFixture, since: int = logging.INFO) -> list[str]:
    """Return what the integration has written, from a level on."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("custom_components.fimp_chargepoint") and record.levelno >= since
    ]


async def test_a_charge_point_that_comes_and_goes(
    hass: HomeAssistant, chargepoint: Chargepoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    caplog.clear()
    hub = chargepoint.entry.runtime_data.hub
    for _ in range(4):
        await chargepoint.point.offline()
        await chargepoint.wait_for_state("sensor", "status", "unavailable")
        # Some adapters report it again and again, and answer all requests with errors.
        received = hub.received
        for _ in range(5):
            chargepoint.point.send("pt:j1/mt:evt/rt:ad/rn:easee/ad:1", json.dumps(_DOWN))
        await until(lambda received=received: hub.received >= received + 5)  # type: ignore[misc]
        await chargepoint.point.online()
        await chargepoint.wait_for_state("sensor", "status", "disconnected")
    lost = "fimp:easee/1/1 is not available: offline"
    assert lines(caplog) == 4 * [lost, "fimp:easee/1/1 is available again"]
    assert not lines(caplog, logging.WARNING)


async def test_a_broker_that_comes_and_goes(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    broker: BrokerProcess,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each attempt fails without being logged, and so do the charge points behind it."""
    caplog.set_level(logging.INFO)
    caplog.clear()
    hub = chargepoint.entry.runtime_data.hub
    for _ in range(2):
        await hass.async_add_executor_job(broker.stop)
        await chargepoint.wait_for_state("sensor", "status", "unavailable")
        await until(lambda: "refused" in str(hub.last_error), "an attempt to fail")
        await hass.async_add_executor_job(broker.start)
        await chargepoint.wait_for_state("sensor", "status", "disconnected")
    written = lines(caplog)
    assert [each.partition(":")[0] for each in written] == 2 * [
        "The connection is lost",
        "The connection is back",
    ]
    assert not lines(caplog, logging.WARNING)
