"""What an EVSE reports besides the course of a session."""

from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.model import Details, Feature, Vehicle

from .everest_site import Site

KEY = "3059301306072A8648CE3D020106082A8648CE3D03010703420004"


@pytest.fixture(name="site")
def site_fixture() -> Site:
    site = Site()
    site.event("SessionStarted", session_started={"reason": "EVConnected"})
    return site


@pytest.mark.parametrize(
    ("variable", "value", "feature", "shown"),
    [
        ("selected_protocol", "IEC61851-1", Feature.PROTOCOL, "IEC61851-1"),
        ("selected_protocol", "Unknown", Feature.PROTOCOL, None),
        ("selected_protocol", "None", Feature.PROTOCOL, None),
        (
            "supported_energy_transfer_modes",
            {"modes": ["AC_single_phase_core", "AC_three_phase_core"]},
            Feature.TRANSFER_MODES,
            "AC_single_phase_core, AC_three_phase_core",
        ),
        ("supported_energy_transfer_modes", ["DC"], Feature.TRANSFER_MODES, "DC"),
        ("supported_energy_transfer_modes", {"modes": []}, Feature.TRANSFER_MODES, None),
        ("ac_nr_of_phases_available", 3, Feature.PHASES_AVAILABLE, 3),
        ("ac_nr_of_phases_available", 7, Feature.PHASES_AVAILABLE, None),
        (
            "car_manufacturer",
            "VolkswagenGroup",
            Feature.VEHICLE_MANUFACTURER,
            "VolkswagenGroup",
        ),
        ("car_manufacturer", "Unknown", Feature.VEHICLE_MANUFACTURER, None),
        ("dlink_ready", True, Feature.DATA_LINK, True),
        ("dlink_ready", False, Feature.DATA_LINK, False),
        ("waiting_for_external_ready", True, Feature.WAITING_FOR_RELEASE, True),
        (
            "hlc_session_failed",
            {"reason": "FailedTLSHandshake", "uuid": "8a5c"},
            Feature.COMMUNICATION_FAILURE,
            "FailedTLSHandshake",
        ),
        ("powermeter_public_key_ocmf", KEY, Feature.METER_PUBLIC_KEY, KEY),
        # Those of longer curves are as long as this, and are of no use in part.
        ("powermeter_public_key_ocmf", "0" * 240, Feature.METER_PUBLIC_KEY, "0" * 240),
        ("powermeter_public_key_ocmf", "0" * 256, Feature.METER_PUBLIC_KEY, None),
        ("powermeter_public_key_ocmf", "", Feature.METER_PUBLIC_KEY, None),
    ],
)
def test_facts(site: Site, variable: str, value: Any, feature: Feature, shown: Any) -> None:
    assert feature not in site.shown.capabilities.reports
    site.evse(variable, value)
    assert getattr(site.shown.details, feature) == shown
    assert feature in site.shown.capabilities.reports


@pytest.mark.parametrize(
    ("word", "current"),
    [("A_13", 13), ("A_20", 20), ("A_32", 32), ("A_63_3ph_70_1ph", 63), ("None", None)],
)
def test_cable(site: Site, word: str, current: float | None) -> None:
    site.evse("ac_pp_ampacity", {"ampacity": "A_20"})
    site.evse("ac_pp_ampacity", {"ampacity": word})
    assert site.shown.cable_current == current
    assert Feature.CABLE_CURRENT in site.shown.capabilities.reports


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("selected_protocol", 5),
        ("supported_energy_transfer_modes", "DC"),
        ("ac_nr_of_phases_available", "3"),
        ("ac_pp_ampacity", 32),
        ("car_manufacturer", {}),
        ("dlink_ready", "yes"),
        ("hlc_session_failed", "FailedTLSHandshake"),
        ("powermeter_public_key_ocmf", None),
        ("a_channel_of_tomorrow", {"x": 1}),
    ],
)
def test_what_makes_no_sense_says_nothing(site: Site, variable: str, value: Any) -> None:
    before = site.shown
    site.evse(variable, value)
    assert site.shown == before
    assert not site.hub.ignored


def test_a_car_that_left_is_not_told_of_any_more(site: Site) -> None:
    site.evse("ev_info", {"soc": 42.5, "evcc_id": "00:7D:FA:04:12:AB"})
    site.evse("car_manufacturer", "Tesla")
    site.evse("hlc_session_failed", {"reason": "UnexpectedSessionEnd"})
    site.evse("supported_energy_transfer_modes", ["DC"])
    assert site.shown.vehicle.state_of_charge == 42.5
    site.event("SessionFinished")
    site.wait(0.5)
    assert site.shown.plugged is False
    assert site.shown.vehicle == Vehicle()
    assert site.shown.details == Details(transfer_modes="DC")


def test_a_late_subscriber_asks_for_them() -> None:
    site = Site()
    site.evse("heartbeat", 5)
    site.answer("ac_pp_ampacity/get", {"ampacity": "A_32"})
    site.answer("selected_protocol/get", True)  # it was never published
    assert site.shown.cable_current == 32
    assert site.shown.details == Details()
    assert site.asked("dlink_ready/get") == []
