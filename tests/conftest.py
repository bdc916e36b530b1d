"""Fixtures for all tests: a real broker."""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

# Home Assistant's test harness contains a package of the same name; import ours first.
import custom_components.fimp_chargepoint  # noqa: F401

from .broker import BrokerProcess, Certificates, mosquitto

type MakeBroker = Callable[..., BrokerProcess]


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Keep it off: it records a stack for every callback, which takes most of the time."""


@pytest.fixture(name="certificates", scope="session")
def certificates_fixture() -> Certificates:
    """A certificate authority and the certificates it signed."""
    return Certificates.make()


@pytest.fixture(name="make_broker")
def make_broker_fixture(socket_enabled: None, tmp_path: Path) -> Generator[MakeBroker]:
    """A function that starts a broker; its keywords are the fields of BrokerProcess."""
    with ExitStack() as stack:

        def make(**keywords: Any) -> BrokerProcess:
            only_mosquitto = (
                keywords.get("client_certificates")
                or keywords.get("lines")
                or not keywords.get("delivers", True)
            )
            if only_mosquitto and mosquitto() is None:
                pytest.skip("only mosquitto supports this")
            made = BrokerProcess(tmp_path / f"broker{len(list(tmp_path.iterdir()))}", **keywords)
            # It is no longer needed, and mosquitto is slow to shut down.
            stack.callback(made.kill)
            made.start()
            return made

        yield make


@pytest.fixture(name="broker")
def broker_fixture(make_broker: MakeBroker) -> BrokerProcess:
    """A broker that accepts all clients."""
    return make_broker()
