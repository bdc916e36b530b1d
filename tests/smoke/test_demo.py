"""The main job in one command, as a person on a bare machine would run it."""

from collections.abc import Iterator
import json
import os
from pathlib import Path
import signal
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.all
@pytest.mark.timeout(300)
def test_check(socket_enabled: None) -> None:
    """Every entity has a value, every command is confirmed, and the report shows it."""
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
    assert set(report["chargepoints"]) == {"garage", "driveway", "carport", "courtyard"}
    assert all(report["chargepoints"].values())
    assert report["commands"]["garage start"] == "on"
    assert report["commands"]["carport stop"] == "off"
    assert report["commands"]["courtyard start"] == "on"


@pytest.mark.all
@pytest.mark.timeout(300)
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_ends_politely(end: signal.Signals, tmp_path: Path) -> None:
    """However it is ended, it ends everything that it has started."""
    with subprocess.Popen(
        [sys.executable, "-m", "harness.demo"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        preexec_fn=_listen,  # noqa: PLW1509
    ) as demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if line.startswith("Home Assistant is running"):
                break
        assert list(tmp_path.iterdir())
        assert _processes_of(tmp_path)
        demo.send_signal(end)
        _, rest = demo.communicate(timeout=60)
    assert demo.returncode == 0
    assert "Traceback" not in rest
    assert not list(tmp_path.iterdir())
    assert not _processes_of(tmp_path)


def _listen() -> None:
    """Undo what a shell does to all that it runs in the background: they ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _processes_of(folder: Path) -> list[str]:
    """Return the command lines of the processes that work in `folder`."""
    lines = (path.read_bytes().decode() for path in _command_lines())
    return [line for line in lines if str(folder) in line]


def _command_lines() -> Iterator[Path]:
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and (line := process / "cmdline").exists():
            yield line
