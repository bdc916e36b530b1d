"""Direct current, the values of the car, and faults of the lines."""

from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.model import (
    DcSupply,
    Feature,
    Status,
    Vehicle,
)

from .everest_legacy_site import Site as LegacySite
from .everest_site import Site

METER = {
    "current_A": {"DC": 52.004},
    "energy_Wh_import": {"total": 1000.0},
    "power_W": {"total": 20800.0},
    "timestamp": "2026-11-20T09:16:09Z",
    "voltage_V": {"DC": 400.1000061035156},
}
CAPABILITIES = {
    "bidirectional": False,
    "max_export_current_A": 125.0,
    "max_export_power_W": 50000.0,
    "max_export_voltage_V": 1000.0,
}
FACTS = (
    Feature.DC_MODE,
    Feature.DC_VOLTAGE,
    Feature.DC_CURRENT,
    Feature.DC_VOLTAGE_MAX,
    Feature.DC_CURRENT_MAX,
    Feature.DC_POWER_MAX,
    Feature.ISOLATION_RESISTANCE,
)


@pytest.fixture(name="site")
def site_fixture() -> Site:
    site = Site()
    site.event("SessionStarted", session_started={"reason": "EVConnected"})
    return site


def test_an_ac_station_offers_nothing_of_it(site: Site) -> None:
    site.evse(
        "powermeter", {"energy_Wh_import": {"total": 1.0}, "current_A": {"L1": 1.0, "N": 0.1}}
    )
    site.evse("ev_info", {})
    reports = site.shown.capabilities.reports
    assert not reports & {*FACTS, Feature.CURRENT, Feature.VOLTAGE, Feature.VEHICLE}


def test_the_meter(site: Site) -> None:
    site.evse("powermeter", METER)
    meter = site.shown.meter
    assert (meter.current, meter.voltage, meter.power) == (52.0, 400.1, 20800.0)
    assert meter.current_l1 is None
    reports = site.shown.capabilities.reports
    assert reports >= {Feature.CURRENT, Feature.VOLTAGE}
    assert Feature.CURRENT_L1 not in reports


def test_the_power_supply(site: Site) -> None:
    site.evse("dc_mode", "Export")
    site.evse("dc_voltage_current", {"current_A": -0.01, "voltage_V": 400.1000061035156})
    site.evse("dc_capabilities", CAPABILITIES)
    site.evse("isolation_measurement", {"resistance_F_Ohm": 900000.0, "voltage_V": 401.2})
    assert site.shown.direct == DcSupply(
        dc_mode="Export",
        dc_voltage=400.1,
        dc_current=0.0,
        dc_voltage_max=1000.0,
        dc_current_max=125.0,
        dc_power_max=50000.0,
        isolation_resistance=900000.0,
    )
    assert site.shown.capabilities.reports.issuperset(FACTS)
    site.cut()
    assert site.shown.direct == DcSupply()


def test_a_supply_that_has_failed_is_a_problem(site: Site) -> None:
    site.evse("dc_mode", "Fault")
    assert site.shown.problems == ("dc_mode: Fault",)
    site.evse("dc_mode", "Off")
    assert site.shown.problems == ()


@pytest.mark.parametrize("value", [None, 5, [], {}, {"voltage_V": "high"}, True, ""])
@pytest.mark.parametrize(
    "variable", ["dc_mode", "dc_voltage_current", "dc_capabilities", "isolation_measurement"]
)
def test_what_makes_no_sense(site: Site, variable: str, value: Any) -> None:
    site.evse(variable, value)
    assert site.shown.direct == DcSupply()
    assert not site.shown.capabilities.reports & set(FACTS)
    assert not site.hub.ignored


def test_the_car(site: Site) -> None:
    site.evse(
        "ev_info",
        {
            "battery_capacity": 60000.0,
            "departure_time": "2026-11-20T17:00:00.000Z",
            "estimated_time_bulk": "2026-11-20T12:00:00.000Z",
            "maximum_current_limit": 125.0,
            "maximum_power_limit": 50000.4,
            "maximum_voltage_limit": 450.0,
            "minimum_current_limit": 5.0,
            "present_current": 52.0,
            "present_voltage": 398.20001220703125,
            "soc": 42.5,
            "target_current": 125.0,
            "target_voltage": 400.0,
        },
    )
    assert site.shown.vehicle == Vehicle(
        state_of_charge=42.5,
        vehicle_voltage=398.2,
        vehicle_current=52.0,
        target_voltage=400.0,
        target_current=125.0,
        vehicle_voltage_max=450.0,
        vehicle_current_max=125.0,
        vehicle_current_min=5.0,
        vehicle_power_max=50000.0,
        battery_capacity=60.0,
        departure=datetime(2026, 11, 20, 17, tzinfo=UTC),
        bulk_charge_complete_at=datetime(2026, 11, 20, 12, tzinfo=UTC),
    )
    reports = site.shown.capabilities.reports
    assert reports >= {Feature.VEHICLE, Feature.DEPARTURE, Feature.VEHICLE_VOLTAGE}


def test_a_car_that_has_left_says_nothing() -> None:
    """The stored value that is returned on request may be of the last car."""
    site = Site()
    site.info("Unplugged")
    site.answer("ev_info/get", {"soc": 42.5, "battery_capacity": 60000.0})
    assert site.shown.vehicle == Vehicle()
    # Values without a request are those of a car that has just arrived.
    site.evse("ev_info", {"soc": 42.5})
    assert site.shown.vehicle.state_of_charge == 42.5


def test_a_restart_forgets_what_was_measured_and_what_the_car_said(site: Site) -> None:
    site.evse("heartbeat", 90)
    site.evse("dc_voltage_current", {"voltage_V": 400, "current_A": 52})
    site.evse("isolation_measurement", {"resistance_F_Ohm": 900000})
    site.evse("dc_capabilities", CAPABILITIES)
    site.evse("ev_info", {"soc": 42.5})
    site.evse("hlc_session_failed", {"reason": "FailedTLSHandshake"})
    site.wait(10)
    site.evse("heartbeat", 0)
    assert site.shown.vehicle == Vehicle()
    assert site.shown.details.communication_failure is None
    direct = site.shown.direct
    assert (direct.dc_voltage, direct.dc_current, direct.isolation_resistance) == (None,) * 3
    # Its capabilities do not change.
    assert direct.dc_power_max == 50000


def test_a_car_that_says_little_offers_little(site: Site) -> None:
    site.evse("ev_info", {"soc": 42.5})
    assert Feature.VEHICLE in site.shown.capabilities.reports
    assert Feature.BATTERY_CAPACITY not in site.shown.capabilities.reports


def test_lines_that_turn_the_wrong_way(site: Site) -> None:
    site.evse("powermeter", METER | {"phase_seq_error": True})
    assert site.shown.problems == ("phase_seq_error",)
    site.evse("powermeter", METER)
    assert site.shown.problems == ("phase_seq_error",)
    site.evse("powermeter", METER | {"phase_seq_error": False})
    assert site.shown.problems == ()
    site.evse("powermeter", METER | {"phase_seq_error": True})
    site.evse("heartbeat", 5)
    site.evse("heartbeat", 0)
    assert site.shown.problems == ()


# Only in the older API -------------------------------------------------------------------

INFORMATION = {
    "vendor": "Pionix",
    "model": "Box",
    "chargepoint_serial": "cp001",
    "firmware_version": "1.2.3",
}


def informs(site: LegacySite, value: Any) -> None:
    """Let the station report its manufacturer."""
    site.hub.feed(f"{site.prefix}everest_api/info/var/info", value)


@pytest.mark.parametrize("prefix", ["", "site1/"])
def test_who_made_it(prefix: str) -> None:
    site = LegacySite("connector_1", "connector_2", prefix=prefix)
    site.wait(5, "Unplugged")
    for value in (INFORMATION, INFORMATION):
        informs(site, value)
    assert len(site.hub.nodes) == 2
    for node in site.hub.nodes.values():
        identity = node.snapshot.identity
        assert (identity.manufacturer, identity.model) == ("Pionix", "Box")
        assert (identity.serial_number, identity.sw_version) == ("cp001", "1.2.3")
    site.var("hardware_capabilities", {"connector_type": "IEC62196Type2Cable"})
    first = site.hub.nodes[f"everest_legacy:{prefix}connector_1"]
    assert first.snapshot.identity.model == "Box (Type 2 cable)"


def test_v1_is_told_as_well() -> None:
    site = LegacySite()
    site.wait(1, "Unplugged")
    site.v1("evse_1")
    site.wait(5, "Unplugged")
    assert list(site.hub.nodes) == ["everest:evse_1"]
    informs(site, INFORMATION | {"manufacturer": "Somebody"})
    identity = site.hub.nodes["everest:evse_1"].snapshot.identity
    assert (identity.manufacturer, identity.model) == ("Somebody", "Box")
    # Another station, behind a bridge, is a different one.
    site.hub.feed("site1/everest_api/info/var/info", {"vendor": "Other"})
    assert site.hub.nodes["everest:evse_1"].snapshot.identity == identity


@pytest.mark.parametrize("value", [{}, {"vendor": 5, "model": None, "firmware_version": ""}])
def test_nobody_made_it(value: dict[str, Any]) -> None:
    site = LegacySite()
    site.wait(5, "Unplugged")
    informs(site, value)
    identity = site.hub.nodes["everest_legacy:connector_1"].snapshot.identity
    assert (identity.manufacturer, identity.serial_number) == (None, None)
    assert not site.hub.ignored


def test_telemetry() -> None:
    site = LegacySite()
    site.wait(5, "Charging")
    node = site.hub.nodes["everest_legacy:connector_1"]
    site.var(
        "telemetry",
        {
            "phase_seq_error": True,
            "temperature": 25.04,
            "fan_rpm": 1500.4,
            "supply_voltage_12V": 12.01,
            "supply_voltage_minus_12V": -11.8,
        },
    )
    health = node.snapshot.health
    assert health.board_temperature == 25.0
    # In this API it is whether the relay is closed; only a meter reports the lines.
    assert node.snapshot.problems == ()
    site.var("powermeter", METER | {"phase_seq_error": True})
    assert node.snapshot.problems == ("phase_seq_error",)
    assert node.snapshot.status is Status.CHARGING
    assert Feature.BOARD_TEMPERATURE in node.snapshot.capabilities.reports
    # Values that are no longer reported stay as they were.
    site.var("telemetry", {"phase_seq_error": False, "fan_rpm": None})
    assert node.snapshot.problems == ("phase_seq_error",)
    assert node.snapshot.health.board_temperature == 25.0
    site.var("telemetry", {"temperature": None})
    assert node.snapshot.health.board_temperature is None
