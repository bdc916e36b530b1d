"""`scripts/replay`: a recording in, the entities of Home Assistant out."""

from collections.abc import Callable
import json
from pathlib import Path
import sys

import pytest

from harness.replay import main
from tests.helpers.recordings import recording

from .replaying import states


async def test_easee_is_gone_in_the_end() -> None:
    assert await states(recording("fimp/captures/easee_adapter")) == {}


async def test_full_and_minimal_charger() -> None:
    found = await states(recording("fimp/captures/charger_full"), "--all")
    shown = {entity_id: each["state"] for entity_id, each in found.items()}
    assert shown["sensor.acme_wallbox_status"] == "disconnected"
    assert shown["lock.acme_wallbox_cable_lock"] == "unlocked"
    assert shown["sensor.acme_wallbox_lifetime_energy"] == "100.0"
    # The other adapter's charger has the same name, so its serial number is part of it.
    assert shown["sensor.acme_wallbox_acme_1001_session_energy"] == "0.047"
    assert shown["sensor.acme_wallbox_acme_1001_lifetime_energy"] == "100.047"
    assert "lock.acme_wallbox_acme_1001_cable_lock" not in shown
    session = found["sensor.acme_wallbox_acme_1001_session_energy"]["attributes"]
    assert session["last_reset"] == "2026-11-20T08:48:02+00:00"
    assert session["state_class"] == "total"


async def test_everest_ends_with_a_plug_nobody_knows_of() -> None:
    path = recording("everest/recorded/api_v1_main_ac_sessions")
    found = await states(path, "--all")
    shown = {entity_id: each["state"] for entity_id, each in found.items()}
    name = "everest_de_pnx_e12345_1"
    assert shown[f"sensor.{name}_status"] == "unknown"
    assert shown[f"switch.{name}"] == "unknown"
    assert shown[f"sensor.{name}_raw_status"] == "Unplugged"
    assert shown[f"sensor.{name}_power"] == "0.0"


async def test_strings_are_bytes_and_other_payloads_are_json(tmp_path: Path) -> None:
    recording = tmp_path / "small.jsonl"
    topic = "pt:j1/mt:evt/rt:dev/rn:x/ad:1/sv:chargepoint/ad:1"
    report = {"type": "evt.state.report", "val_t": "string", "val": "charging"}
    lines = [
        {"note": "plugged in"},
        {"t": 0, "topic": topic, "payload": "nonsense"},
        {"t": 1, "topic": topic, "payload": json.dumps(report)},
        {"t": 1.5, "topic": topic.replace("mt:evt", "mt:cmd"), "payload": {}},
        # By the recording's clock the charge point had its time to introduce itself.
        {"t": 9, "topic": topic, "payload": report | {"val": "finished"}},
    ]
    recording.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    shown = await states(recording, "--speed", "100")
    assert shown["sensor.charge_point_x_1_status"]["state"] == "finished"


type Complaint = Callable[..., str]


@pytest.fixture(name="complaint")
def complaint_fixture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Complaint:
    """The output of the script for a recording with this text, None for a missing file."""

    def complaint(text: str | None, *options: str) -> str:
        path = tmp_path / "recording.jsonl"
        if text is not None:
            path.write_text(text)
        monkeypatch.setattr(sys, "argv", ["replay", str(path), *options])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        return capsys.readouterr().err

    return complaint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"t": 0, "topic": "a"}', "line 1"),
        ("nonsense", "line 1"),
        ('{"t": "x", "topic": "a", "payload": 1}', "line 1"),
        ("[]", "line 1"),
    ],
)
def test_what_is_no_recording(complaint: Complaint, text: str, words: str) -> None:
    assert words in complaint(text)


def test_a_file_that_is_not_there(complaint: Complaint) -> None:
    assert "recording.jsonl" in complaint(None)


def test_a_speed_that_is_none(complaint: Complaint) -> None:
    assert "quick" in complaint("", "--speed", "quick")
