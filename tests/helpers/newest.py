"""The newest Home Assistant, which has a venv of its own."""

from functools import cache
from pathlib import Path
import subprocess

ROOT = Path(__file__).parents[2]


@cache
def newest_python() -> str:
    """Install it if necessary, and return its interpreter."""
    setup = subprocess.run(  # noqa: S603
        [ROOT / "scripts" / "setup", "--smoke"],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert setup.returncode == 0, setup.stderr
    return str(ROOT / ".venv-2026.11" / "bin" / "python")
