"""Format, lint and types are tests like all others: one run, one summary line."""

import subprocess

import pytest

from .project import ROOT


@pytest.mark.timeout(600)  # the first look at the types takes its time
def test_lint() -> None:
    lint = subprocess.run(  # noqa: S603
        [ROOT / "scripts" / "lint"],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    print(lint.stdout, lint.stderr)  # noqa: T201
    assert lint.returncode == 0, "scripts/lint is not content"
