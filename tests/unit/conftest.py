"""Most unit tests need no event loop, and run without the one of Home Assistant's harness."""

import inspect
from pathlib import Path

import pytest

from custom_components.fimp_chargepoint.chargepoint.everest.api import protocol

#: What the harness does around every test, in a loop.
_IN_A_LOOP = {"configure_event_loop", "enable_event_loop_debug", "verify_cleanup"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what does not wait for anything without a loop: it takes a third of the time."""
    for item in items:
        if (
            isinstance(item, pytest.Function)
            and item.path.is_relative_to(Path(__file__).parent)
            and not inspect.iscoroutinefunction(item.function)
        ):
            names = item.fixturenames
            item.fixturenames[:] = [each for each in names if each not in _IN_A_LOOP]


@pytest.fixture(autouse=True)
def _names_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the EVSE id of a new EVSE; the tests of that wait set it again."""
    monkeypatch.setattr(protocol, "NAMING_TIME", 0.0)
