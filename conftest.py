"""What pytest knows in every folder: the option `--all` and the marker `all`."""

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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, visibly, what was not asked for."""
    if config.getoption("--all"):
        return
    skip = pytest.mark.skip(reason="only with --all")
    for item in items:
        if item.get_closest_marker("all"):
            item.add_marker(skip)
