"""A Home Assistant for each module, with a broker, charge points, and a browser.

Tests use the newest Home Assistant; a module can choose the oldest supported one, or both.

Everything of a module lives in one event loop, so the fixtures of Home Assistant's test
harness that look after a loop for every test are switched off here.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack
from dataclasses import dataclass
import os
from pathlib import Path
import sys
from typing import Any

from playwright.async_api import ConsoleMessage, expect
import pytest
import pytest_asyncio
import pytest_socket

from harness.broker import free_port
from harness.browser import chromium, log_in, open_page
from harness.charge_points import ACCOUNT, PRICE, Cars, charge_points
from harness.check import EXPECTED, until_present
from harness.dashboard import make_dashboard
from harness.home import Home, running_home
from harness.screen import PATIENCE_MS, Screen
from simulators.fimp import ChargepointSetup, FimpSimulator
from simulators.mqtt import Broker
from simulators.simulator import Timing
from tests.broker import CHARGER_USERNAME, PASSWORD, USERNAME, BrokerProcess
from tests.helpers.newest import newest_python

_OUTCOME = pytest.StashKey[bool]()
_INTEGRATION = "fimp_chargepoint"
#: Home Assistant logs this for every custom integration. A module may name more in `EXPECTED`.
_EXPECTED = ("which has not been tested by Home Assistant",)


@dataclass
class World:
    """The charge points and brokers, Home Assistant, and the browser."""

    broker: BrokerProcess
    cars: Cars
    home: Home
    screen: Screen
    log: Path
    #: The broker, as charge points see it.
    public: Broker


@pytest.fixture(autouse=True)
def configure_event_loop() -> None:
    """Leave the loop of the module alone."""


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave the loop of the module alone."""


@pytest.fixture(autouse=True)
def verify_cleanup() -> None:
    """Leave the loop of the module alone: what runs in it outlives a test."""


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Let all connections continue."""


@pytest.fixture(name="python", scope="module", params=["newest"])
def python_fixture(request: pytest.FixtureRequest) -> str:
    """The interpreter of Home Assistant."""
    return sys.executable if request.param == "oldest" else newest_python()


@pytest_asyncio.fixture(name="world", scope="module", loop_scope="module")
async def world_fixture(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, python: str
) -> AsyncGenerator[World]:
    """A Home Assistant with a logged in user, and without charge points."""
    _expect_chromium()
    pytest_socket.enable_socket()
    expect.set_options(timeout=PATIENCE_MS)
    folder = tmp_path_factory.mktemp("e2e")
    async with AsyncExitStack() as stack:
        process = BrokerProcess(folder / "broker", credentials=True)
        stack.callback(process.stop)
        process.start()
        broker = Broker(process.host, process.port, CHARGER_USERNAME, PASSWORD)
        # With a cloud in between, the effect of a stop is reported only after the next poll.
        cabin = FimpSimulator(
            broker,
            ChargepointSetup(name="cabin", profile="easee", serial="EH-0003"),
            timing=Timing(poll=3600),
        )
        cars = await stack.enter_async_context(charge_points(broker, cabin))
        config = folder / "home"
        config.mkdir()
        home = await stack.enter_async_context(
            running_home(config, free_port(), blue_current=cars.blue_current, python=python)
        )
        page = await stack.enter_async_context(open_page())
        page.set_default_timeout(PATIENCE_MS)
        complaints: list[str] = []
        page.on("console", lambda message: _note(message, complaints))
        await log_in(page, home)
        log = config / "output.log"
        yield World(process, cars, home, Screen(page, home), log, broker)
    # The log of an ended process is complete.
    expected = (*_EXPECTED, *getattr(request.module, "EXPECTED", ()))
    complaints += [
        line
        for line in log.read_text(errors="replace").splitlines()
        if _INTEGRATION in line and (" WARNING " in line or " ERROR " in line)
        if not any(each in line for each in expected)
    ]
    assert not complaints, "\n".join(complaints)


@pytest_asyncio.fixture(name="charging_world", scope="module", loop_scope="module")
async def charging_world_fixture(world: World) -> World:
    """The same, with the integration set up and its dashboard."""
    await world.home.add_integration(
        world.broker.host, world.broker.port, username=USERNAME, password=PASSWORD
    )
    await world.home.set_options(costs={"fixed_price": PRICE})
    # One entry alone: its buttons cannot be confused with those of the account.
    await until_present(
        world.home,
        {each for name, point in EXPECTED.items() if name != ACCOUNT for each in point.entities},
    )
    await make_dashboard(world.home)
    return world


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Remember how a test went, for the fixture below."""
    report = yield
    if report.when == "call":
        item.stash[_OUTCOME] = report.failed
    return report


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _show_failure(
    request: pytest.FixtureRequest, world: World, tmp_path: Path
) -> AsyncGenerator[None]:
    """Keep the screen and Home Assistant's log when a test fails."""
    yield
    if request.node.stash.get(_OUTCOME, False):
        picture = tmp_path / "screen.png"
        await world.screen.page.screenshot(path=picture)
        last = world.log.read_text(errors="replace").splitlines()[-30:]
        print(f"{world.screen.page.url} looked like {picture}", *last, sep="\n")  # noqa: T201


def _expect_chromium() -> None:
    if chromium() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing; .ci/run should have installed it")
        pytest.skip("needs Chromium")


def _note(message: ConsoleMessage, complaints: list[str]) -> None:
    """Keep what the frontend complains about and we are to blame for, such as a bad text."""
    if message.type in {"error", "warning"} and _INTEGRATION in message.text:
        complaints.append(message.text)
