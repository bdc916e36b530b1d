"""The page about recordings names tests and recordings that exist, and all that are live."""

import re

from tests.helpers.recordings import RECORDINGS

from .project import ROOT


def _rows() -> list[list[str]]:
    """Return the cells of what was found on real systems."""
    page = (RECORDINGS / "README.md").read_text(encoding="utf-8")
    section = page.split("## What was found on real systems\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    rows = [[each.strip() for each in line.split("|")[1:-1]] for line in lines]
    return [row for row in rows if row[1] and row[0] != "found"]


def _tests() -> set[str]:
    """Return all tests, each as its file and its name."""
    return {
        f"{path.stem}::{name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }


def test_what_was_found_has_tests_that_exist() -> None:
    rows, there = _rows(), _tests()
    assert len(rows) > 25
    for found, tests, _ in rows:
        named = re.findall(r"`([^`]+)`", tests)
        assert named, found
        assert set(named) - there == set()


def test_it_names_all_live_recordings() -> None:
    named = {name for row in _rows() for name in re.findall(r"`([^`]+)`", row[2])}
    there = {
        str(path.relative_to(RECORDINGS).with_suffix(""))
        for path in RECORDINGS.glob("*/live/*.jsonl")
    }
    assert named == there
