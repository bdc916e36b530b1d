"""Every recording of a real charge point goes through the decoders, from first to last."""

import json

import pytest

from custom_components.fimp_chargepoint.chargepoint.model import ChargepointSnapshot
from simulators.recording import read_recording
from tests.helpers.recordings import names, recording
from tests.helpers.schemas import Schemas

from .fakes import Playback

#: What is shown in the end: the status of each charge point, and its session's energy, kWh.
#: A fixed bug may change a row; `tests/recordings/README.md` describes each recording.
ENDS: dict[str, dict[str, tuple[str | None, float | None]]] = {
    "everest/live/enable_unlock_faults": {
        "everest:evse_manager_api": ("disconnected", 0.08),
    },
    "everest/live/ev_pause_and_switch": {
        "everest:evse_manager_api": ("disconnected", 0.026),
    },
    "everest/live/grid_limit_phases": {
        "everest:evse_manager_api": ("disconnected", 0.046),
    },
    "everest/live/legacy_only": {
        "everest_legacy:connector_1": ("disconnected", 0.057),
    },
    "everest/live/limits": {
        "everest:evse_manager_api": ("charging", 0.225),
    },
    "everest/live/noenergy_ha_restart_keep_limits": {
        "everest:evse_manager_api": ("requesting", 0.0),
    },
    "everest/live/outage_evquick": {
        "everest:evse_manager_api": ("requesting", 0.0),
    },
    "everest/live/two_evses_linked": {
        "everest:evse_manager_api_1": ("disconnected", 0.036),
        "everest:evse_manager_api_2": ("disconnected", 0.069),
    },
    "fimp/live/defa_real_adapter": {
        "fimp:defa/1/DEFA12345": ("disconnected", 0.17883333333334073),
    },
    "fimp/live/easee_full_topup_full_again": {
        "fimp:charger/1/1": ("disconnected", 0.178),
        "fimp:charger/1/2": ("disconnected", 0.0),
        "fimp:easee/1/1": ("disconnected", 4.1227),
        "fimp:easee/1/2": ("disconnected", 0.5811),
    },
    "fimp/live/easee_logged_out_stale_charging": {
        "fimp:charger/1/1": ("disconnected", 0.0),
        "fimp:charger/1/3": ("disconnected", 0.0),
        "fimp:chargermin/1/1": ("disconnected", 0.11),
        # Its adapter is signed out: it answers from memory.
        "fimp:easee/1/1": (None, None),
        "fimp:easee/1/2": (None, None),
    },
    "fimp/live/easee_offline_midsession_limit_taken_but_refused": {
        "fimp:charger/1/3": ("ready_to_charge", 0.0),
        "fimp:chargermin/1/1": ("disconnected", 0.11),
        "fimp:easee/1/1": ("charging", 0.8373),
    },
    "fimp/live/easee_requesting_start_timeout": {
        # An unknown word.
        "fimp:charger/1/1": (None, 0.257),
        "fimp:easee/1/2": ("charging", 0.0491),
    },
    "fimp/live/flicker_session_current_mode": {
        "fimp:charger/1/1": ("charging", 0.055),
    },
    "fimp/live/ghost_no_inclusion_answer": {
        "fimp:ghost/1/5": ("disconnected", None),
    },
    "fimp/live/ghost_phases_keyerror": {
        "fimp:ghost/1/5": ("charging", None),
    },
    "fimp/live/phase_modes_shrink_stopiteration": {
        "fimp:charger/1/1": ("disconnected", 0.0),
        "fimp:charger/1/3": ("disconnected", 0.0),
        "fimp:chargermin/1/1": ("disconnected", 0.11),
        "fimp:easee/1/1": ("disconnected", 4.6504),
        "fimp:easee/1/2": ("disconnected", 0.5811),
    },
    "fimp/live/vinculum_without_phase_modes_stopiteration": {
        "fimp:charger/1/1": ("charging", 3.263),
        # The hub lists it; it does not report itself.
        "fimp:charger/1/3": (None, None),
        # Their adapter is signed out, and answers from memory.
        "fimp:easee/1/1": (None, None),
        "fimp:easee/1/2": (None, None),
    },
}

#: A module the recordings were made with: it raises errors in place of the hardware.
_UNDEFINED = ("generic_error_raiser",)


def test_every_live_recording_has_a_row() -> None:
    assert set(ENDS) == {*names("everest/live"), *names("fimp/live")}


@pytest.mark.parametrize("name", ENDS)
def test_a_live_recording_is_understood_to_its_end(name: str) -> None:
    play = Playback(recording(name))
    assert play.hub.ignored == {}
    nodes = {address: node.snapshot for address, node in play.hub.nodes.items()}
    shown = {
        address: (each.status and each.status.value, each.meter.session_energy)
        for address, each in nodes.items()
        if isinstance(each, ChargepointSnapshot)
    }
    assert shown == ENDS[name]


@pytest.mark.parametrize("name", [*names("everest/recorded"), *names("everest/live")])
def test_what_everest_says_is_what_it_defines(name: str) -> None:
    schemas = Schemas("main")
    wrong: list[str] = []
    for line in read_recording(recording(name)):
        match line.topic.split("/"):
            case ["everest_api", "1", kind, _, "e2m", variable] if kind not in _UNDEFINED:
                wrong += schemas.check(kind, f"e2m/{variable}", json.loads(line.payload))
    assert wrong == []
