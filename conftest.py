"""What pytest knows in every folder: the option and the marker `all`, and what runs alone."""

from collections.abc import Generator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--all`."""
    parser.addoption(
        "--all",
        action="store_true",
        help="also the newest Home Assistant, the demo, and a browser",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "all: runs only with --all (see scripts/test)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, visibly, what was not asked for; run whole processes one after the other."""
    skip = pytest.mark.skip(reason="only with --all")
    for item in items:
        if item.get_closest_marker("all"):
            # Each is a Home Assistant of its own, and perhaps a browser.
            item.add_marker(pytest.mark.xdist_group("serial"))
            if not config.getoption("--all"):
                item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a report go from one process to another, also with a text that is no Unicode."""
    report = yield
    report.sections = [(title, _plain(text)) for title, text in report.sections]
    if report.failed and report.longrepr is not None:
        text = str(report.longrepr)
        if text != _plain(text):
            report.longrepr = _plain(text)
    return report


def _plain(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
