"""The main job in one command, as a person on a bare machine would run it."""

import json
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.all
@pytest.mark.timeout(300)
def test_check(socket_enabled: None) -> None:
    """Every entity has a value, every command is proven, and the report says so."""
    run = subprocess.run(  # noqa: S603
        [ROOT / "scripts" / "demo", "--check"],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert run.returncode == 0, run.stderr + run.stdout
    report = json.loads(run.stdout)
    assert report["ok"] is True
    assert set(report["chargepoints"]) == {"garage", "driveway", "carport"}
    assert all(report["chargepoints"].values())
    assert report["commands"]["garage start"] == "on"
    assert report["commands"]["carport stop"] == "off"


@pytest.mark.all
@pytest.mark.timeout(300)
def test_ends_politely(socket_enabled: None) -> None:
    """Whenever it is told to end, it takes everything it started with it."""
    with subprocess.Popen(
        [sys.executable, "-m", "harness.demo"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if line.startswith("Home Assistant is up"):
                break
        started = time.monotonic()
        demo.send_signal(signal.SIGTERM)
        _, rest = demo.communicate(timeout=60)
    assert demo.returncode == 0
    assert "nothing is left behind" in rest
    assert "Traceback" not in rest
    assert time.monotonic() - started < 30
