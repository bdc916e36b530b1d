"""The integration in the newest Home Assistant, which has a venv of its own."""

import json
import re
import subprocess

import pytest

from tests.broker import BrokerProcess
from tests.helpers.newest import ROOT, newest_python


@pytest.mark.all
@pytest.mark.timeout(900)  # a venv may have to be made
def test_newest_home_assistant(broker: BrokerProcess) -> None:
    """Found, switched on and off, reloaded, unloaded, and nothing complained about."""
    smoke = subprocess.run(  # noqa: S603
        [newest_python(), "-m", "tests.smoke.run", "--port", str(broker.port)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=300,
    )
    assert smoke.returncode == 0, f"{smoke.stdout}\n{smoke.stderr}"
    result = json.loads(smoke.stdout.splitlines()[-1])
    assert result["ok"]
    assert len(result["charge_points"]) == 2
    expected = re.search(
        r"^homeassistant==(\S+)", (ROOT / "requirements_smoke.txt").read_text(), re.MULTILINE
    )
    assert expected is not None
    assert result["home_assistant"] == expected[1]
