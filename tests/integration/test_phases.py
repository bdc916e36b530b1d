"""One phase or three, and which ones."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess

from .conftest import Chargepoint, find, running, until

SET = "cmd.phase_mode.set"


async def choose(chargepoint: Chargepoint, key: str, option: str) -> None:
    """Select an option."""
    await chargepoint.call("select", "select_option", key, option=option)


async def both(chargepoint: Chargepoint, phases: str, phase_mode: str) -> None:
    """Wait until both selects agree."""
    await chargepoint.wait_for_state("select", "phases", phases)
    await chargepoint.wait_for_state("select", "phase_mode", phase_mode)


async def test_what_there_is(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await both(chargepoint, "3", "nl1l2l3")
    assert chargepoint.attribute("select", "phases", "options") == ["1", "3"]
    assert chargepoint.registered("select", "phases").entity_category is None
    assert chargepoint.attribute("select", "phase_mode", "options") == [
        "nl1l2l3",
        "nl1",
        "nl2",
        "nl3",
    ]
    assert chargepoint.registered("select", "phase_mode").entity_category == "config"
    assert find(hass, "sensor", "phase_mode") is None


async def test_phases(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """The first mode with so many phases is taken, and the other select follows."""
    await both(chargepoint, "3", "nl1l2l3")
    await choose(chargepoint, "phases", "1")
    assert chargepoint.state("select", "phases") == "1"
    await both(chargepoint, "1", "nl1")
    await choose(chargepoint, "phases", "3")
    await both(chargepoint, "3", "nl1l2l3")
    # A value that applies already needs no message.
    await choose(chargepoint, "phases", "3")
    assert [each["val"] for each in chargepoint.sent(SET)] == ["NL1", "NL1L2L3"]
    assert chargepoint.attribute("select", "phases", "pending") is False


async def test_phase_mode(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Which phase it is stays when only their number is chosen."""
    await both(chargepoint, "3", "nl1l2l3")
    await choose(chargepoint, "phase_mode", "nl2")
    assert chargepoint.state("select", "phase_mode") == "nl2"
    await both(chargepoint, "1", "nl2")
    await choose(chargepoint, "phases", "1")
    await both(chargepoint, "1", "nl2")
    assert [each["val"] for each in chargepoint.sent(SET)] == ["NL2"]
    await choose(chargepoint, "phase_mode", "nl1l2l3")
    await both(chargepoint, "3", "nl1l2l3")


async def test_changed_elsewhere(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    chargepoint.point["garage"].phase_mode = "NL3"
    await both(chargepoint, "1", "nl3")


@pytest.mark.parametrize(
    ("key", "option", "shown", "before"),
    [("phases", "1", "1", "3"), ("phase_mode", "nl3", "nl3", "nl1l2l3")],
)
async def test_pending_and_silence(
    hass: HomeAssistant,
    chargepoint: Chargepoint,
    key: str,
    option: str,
    shown: str,
    before: str,
) -> None:
    """The requested one is shown and marked; if it fails, the real one is shown again."""
    await both(chargepoint, "3", "nl1l2l3")
    chargepoint.node._commands._timeout = 1.0
    await chargepoint.point.silence()
    call = hass.async_create_task(choose(chargepoint, key, option))
    await chargepoint.wait_for_state("select", key, shown)
    assert chargepoint.attribute("select", key, "pending") is True
    with pytest.raises(HomeAssistantError) as caught:
        await call
    assert caught.value.translation_key == "command_timeout"
    assert chargepoint.state("select", key) == before
    assert chargepoint.attribute("select", key, "pending") is False


@pytest.mark.parametrize(("key", "option"), [("phases", "1"), ("phase_mode", "nl3")])
async def test_refused(
    hass: HomeAssistant, chargepoint: Chargepoint, key: str, option: str
) -> None:
    await chargepoint.point.refuse("the contactor is welded")
    with pytest.raises(HomeAssistantError, match="the contactor is welded"):
        await choose(chargepoint, key, option)
    await both(chargepoint, "3", "nl1l2l3")


async def test_no_such_option(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    await both(chargepoint, "3", "nl1l2l3")
    for key, option in (("phases", "2"), ("phase_mode", "NL1")):
        with pytest.raises(ServiceValidationError):
            await choose(chargepoint, key, option)
    assert chargepoint.sent(SET) == []


async def test_one_after_the_other(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """Both selects set the same thing: the newer choice takes the place."""
    await both(chargepoint, "3", "nl1l2l3")
    chargepoint.node.report_age = 0.2
    await chargepoint.point.silence()
    first = hass.async_create_task(choose(chargepoint, "phases", "1"))
    await until(lambda: chargepoint.sent(SET))
    await chargepoint.point.silence("off")
    await choose(chargepoint, "phase_mode", "nl3")
    with pytest.raises(HomeAssistantError) as caught:
        await first
    assert caught.value.translation_key == "command_superseded"
    await both(chargepoint, "1", "nl3")


async def test_only_looked_at(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Easee reports its phase mode, which cannot be set."""
    async with running(hass, broker, ChargepointSetup(profile="easee")) as chargepoint:
        await chargepoint.wait_for_state("sensor", "phase_mode", "nl1l2l3")
        assert find(hass, "select", "phase_mode") is None
        assert find(hass, "select", "phases") is None
        assert chargepoint.attribute("sensor", "phase_mode", "device_class") == "enum"
        chargepoint.point["garage"].phase_mode = "NL2"
        await chargepoint.wait_for_state("sensor", "phase_mode", "nl2")
        # An unknown word is not a state.
        chargepoint.point["garage"].phase_mode = "NL4"
        await chargepoint.wait_for_state("sensor", "phase_mode", "unknown")


async def test_nothing_to_choose(hass: HomeAssistant, broker: BrokerProcess) -> None:
    async with running(hass, broker, ChargepointSetup(profile="futurehome")):
        for platform, key in (
            ("select", "phases"),
            ("select", "phase_mode"),
            ("sensor", "phase_mode"),
        ):
            assert find(hass, platform, key) is None
