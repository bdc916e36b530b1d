"""Garbage on every topic we subscribe to costs nothing but itself."""

from typing import Any

import aiomqtt
from homeassistant.core import HomeAssistant
import orjson

from harness.broker import HOST
from simulators.everest import EverestSimulator, EvseSetup
from simulators.mqtt import Broker
from tests.broker import BrokerProcess

from .conftest import QUICK, find, load, other_broker, simulator, until

#: Levels that are nonsense, and the levels of what really is there.
_LEVELS = {
    "nobody": {"rn": "rn:nobody", "ad": "ad:9", "module": "nobody", "id": "nobody"},
    "the simulators": {"rn": "rn:easee", "ad": "ad:1", "module": "carport", "id": "x"},
}
_SERVICES = (
    "alarm_system",
    "chargepoint",
    "dev_sys",
    "diagnostic",
    "meter_elec",
    "parameters",
)
_TOPICS = {
    **{
        f"+/mt:evt/rt:dev/+/+/sv:{service}/+": (
            f"pt:j1/mt:evt/rt:dev/{{rn}}/{{ad}}/sv:{service}/{{ad}}"
        )
        for service in _SERVICES
    },
    "+/mt:evt/rt:ad/+/+": "pt:j1/mt:evt/rt:ad/{rn}/{ad}",
    "+/mt:evt/rt:app/+/+": "pt:j1/mt:evt/rt:app/rn:vinculum/ad:1",
    "+/mt:evt/rt:discovery": "pt:j1/mt:evt/rt:discovery",
    **{
        # One filter for all kinds of modules.
        "everest_api/1/+/+/e2m/#" + " " * place: f"everest_api/1/{kind}/e2m/{{variable}}"
        for place, kind in enumerate(
            (
                "evse_manager_consumer/{module}",
                "fimp_chargepoint/{id}",
                "error_history_consumer/{module}",
                "external_energy_limits_consumer/{module}",
            )
        )
    },
    "everest_api/ready_beacon": "everest_api/ready_beacon",
    **{
        # One filter for all variables of the old API, and for the contents of its messages.
        "everest_api/+/var/+" + " " * place: f"everest_api/{each}"
        for place, each in enumerate(("{module}/var/{variable}", "errors/var/active_errors"))
    },
    "everest_api/connectors": "everest_api/connectors",
    "fimp_chargepoint/echo": "fimp_chargepoint/echo",
}
_VARIABLES = (
    "session_info",
    "session_event",
    "powermeter",
    "hw_capabilities",
    "hardware_capabilities",
    "limits",
    "pause/x",
    "error_raised",
    "",
)
_TYPES = (
    "evt.state.report",
    "evt.current_session.report",
    "evt.cable_lock.report",
    "evt.error.report",
    "evt.meter.report",
    "evt.meter_ext.report",
    "evt.thing.inclusion_report",
    "evt.thing.exclusion_report",
    "evt.network.node_report",
    "evt.network.all_nodes_report",
    "evt.discovery.report",
    "evt.app.state_report",
    "evt.pd7.response",
    "evt.pd7.notify",
    "evt.max_current.report",
    "evt.phase_mode.report",
    "evt.sup_params.report",
    "evt.param.report",
    "evt.alarm.report",
    "evt.errors.report",
    "evt.uptime.report",
)
_VALUES: tuple[Any, ...] = ([[]], {"address": {}}, -1, {"services": [1]})


def _garbage(topic: str) -> list[bytes]:
    """Return bytes that are not a message of any protocol.

    Bodies of FIMP are as good as `{}` on topics of other protocols.
    """
    wrong = [
        {"type": kind, "val_t": value_type, "val": value, "props": props}
        for kind in _TYPES
        for value in _VALUES
        for value_type, props in (("object", 5), (["x"], {"unit": []}))
        if topic.startswith("pt:j1/")
    ]
    return [
        b"",
        b"\x00\xff\xfe",
        b"\x1f\x8b\x08broken",
        b"{",
        b"[]",
        b"null",
        b"0",
        b'"text"',
        b"{}",
        b"[" * 3000,
        b"x" * 300_000,
        b'{"state": 5, "timestamp": [], "session_start_time": true}',
        b'{"event": {}, "uuid": 7}',
        *(orjson.dumps(each) for each in wrong),
    ]


async def test_garbage_everywhere(hass: HomeAssistant, broker: BrokerProcess) -> None:
    entry = await load(hass, other_broker(broker))
    hub = entry.runtime_data.hub
    # Only this hub knows the topics of its replies.
    replies = {each: f"pt:j1{each[1:]}" for each in hub.filters if "/mt:rsp/" in each}
    topics = _TOPICS | replies
    assert set(hub.filters) == {each.strip() for each in topics}, (
        "a filter nobody throws garbage at"
    )
    where = Broker(broker.host, broker.port)
    station = EverestSimulator(where, EvseSetup(module="carport"), timing=QUICK)
    async with simulator(broker) as adapter, station:

        def shown() -> dict[str, str]:
            # Measurements continue to change.
            return {
                each.entity_id: each.state
                for each in hass.states.async_all(("switch", "lock", "select", "sensor"))
                if "unit_of_measurement" not in each.attributes
            }

        await until(lambda: len(hub.nodes) == 2)
        await until(lambda: list(shown().values()).count("disconnected") == len(hub.nodes))
        await until(lambda: find(hass, "sensor", "evse_id"))
        await until(lambda: "6, 7" in shown().values(), "the last parameter")
        await hass.async_block_till_done()
        before = shown()
        async with aiomqtt.Client(HOST, broker.port) as vandal:
            for levels in _LEVELS.values():
                for topic in topics.values():
                    variables = _VARIABLES if "{variable}" in topic else ("",)
                    for variable in variables:
                        for payload in _garbage(topic):
                            where_to = topic.format(**levels, variable=variable)
                            await vandal.publish(where_to, payload)
            await vandal.publish("pt:j1/mt:evt/rt:discovery", b"the last", qos=1)
        counted = sum(hub.ignored.values())
        assert counted > 100
        await hass.async_block_till_done()
        assert "internal" not in hub.ignored, hub.ignored
        assert len(hub.nodes) == 2
        await until(lambda: shown() == before, f"{shown()} is {before} again")

        # Everything that worked continues to work.
        await adapter.plug()
        await station.plug()
        expected = {"ready_to_charge", "charging"}
        await until(lambda: expected <= set(shown().values()), f"{expected} in {shown()}")
        await hass.config_entries.async_unload(entry.entry_id)
