"""The pytest option and marker `all`, and the tests of a folder that do not run in parallel."""

from collections.abc import Generator
import os
import re

import pytest

#: What xdist appends to the name of a test that belongs to a group.
_GROUP = re.compile(r"@\w+$")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--all`."""
    parser.addoption(
        "--all",
        action="store_true",
        help="also test the newest Home Assistant, the demo, and the browser",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "all: runs only with --all (see scripts/test)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests that need `--all`; run the complete processes of a folder one after the other."""
    skip = pytest.mark.skip(reason="only with --all")
    for item in items:
        if item.get_closest_marker("all"):
            # Each of these starts a Home Assistant, and some a browser: one per folder at most.
            item.add_marker(pytest.mark.xdist_group(item.path.parent.name))
            if not config.getoption("--all"):
                item.add_marker(skip)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remove the group from the name of a test; otherwise, `--last-failed` would not find it."""
    # A worker still compares the name with that of its test.
    if "PYTEST_XDIST_WORKER" not in os.environ:
        report.nodeid = _GROUP.sub("", report.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make reports with invalid Unicode transferable between processes."""
    report = yield
    report.sections = [(title, _plain(text)) for title, text in report.sections]
    if report.failed and report.longrepr is not None:
        text = str(report.longrepr)
        if text != _plain(text):
            report.longrepr = _plain(text)
    return report


def _plain(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
