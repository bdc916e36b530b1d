"""Least privilege, secrets that stay secret, and text that stays text."""

from contextlib import AsyncExitStack
import logging
from pathlib import Path
import re

import aiomqtt
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.fimp_chargepoint.chargepoint import MqttSettings
from custom_components.fimp_chargepoint.chargepoint.options import Token
from simulators.fimp import ChargepointSetup
from tests.broker import PASSWORD, USERNAME, Certificates
from tests.conftest import MakeBroker
from tests.helpers.access_rules import USER, access_rules

from .conftest import load, other_broker, running, simulator, until
from .guarding import ADDRESSES, guarded, set_limit


@pytest.mark.parametrize("protocol", ADDRESSES)
async def test_the_access_rules_are_enough(
    hass: HomeAssistant, make_broker: MakeBroker, tmp_path: Path, protocol: str
) -> None:
    """A session, a limit and the failsafe work with the rules of the page."""
    broker = make_broker(lines=access_rules(tmp_path))
    async with AsyncExitStack() as stack:
        point = await guarded(stack, hass, broker, protocol, user=USER)
        await set_limit(point, 16)
        await point.limits_to(16)
        await point.point.plug()
        await until(lambda: point.node.snapshot.plugged)
        if point.state("switch", "charging") != "on":
            await point.call("switch", "turn_on", "charging")
        await point.wait_for_state("sensor", "status", "charging")
        await point.call("switch", "turn_off", "charging")
        before = len(point.commands)
        await point.cut()
        await until(lambda: len(point.commands) >= before + 2, "the failsafe and its end")
        await point.limits_to(16)


async def test_the_access_rules_are_not_more_than_enough(
    make_broker: MakeBroker, tmp_path: Path
) -> None:
    """Other clients cannot use our user to invent a charge point, or limit the whole bus."""
    broker = make_broker(lines=access_rules(tmp_path))
    topics = (
        "pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1",
        "pt:j1/mt:cmd/rt:app/rn:other/ad:1",
        "everest_api/1/evse_manager_consumer/a/e2m/session_info",
        "everest_api/a/var/session_info",
        "everest/a/main/cmd",
    )
    async with (
        aiomqtt.Client(broker.host, broker.port) as anybody,
        aiomqtt.Client(broker.host, broker.port, username=USER) as ours,
    ):
        await anybody.subscribe("#")
        for topic in topics:
            await ours.publish(topic, b"x", qos=1)
        await ours.publish("everest_api/discover", b"last", qos=1)
        message = await anext(anybody.messages)
        assert (message.topic.value, message.payload) == ("everest_api/discover", b"last")


async def test_no_secret_is_logged(
    hass: HomeAssistant,
    make_broker: MakeBroker,
    certificates: Certificates,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the password nor the key, at debug level, with and without success."""
    caplog.set_level(logging.DEBUG)
    broker = make_broker(credentials=True, certificates=certificates, client_certificates=True)
    data = {
        "username": USERNAME,
        "tls": "own_ca",
        "ca_certificate": certificates.authority,
        "client_certificate": certificates.client,
        "client_key": certificates.client_key,
    }
    for password in (PASSWORD, "wrong-" + PASSWORD):
        entry = await load(hass, other_broker(broker, password=password, **data))
        assert (entry.state.value == "loaded") is (password == PASSWORD)
        await hass.config_entries.async_unload(entry.entry_id)
        await hass.config_entries.async_remove(entry.entry_id)
    assert "custom_components.fimp_chargepoint" in {record.name[:34] for record in caplog.records}
    assert PASSWORD not in caplog.text
    for line in certificates.client_key.splitlines()[1:-1]:
        assert line not in caplog.text


def test_no_secret_is_represented() -> None:
    """Whatever appears in a log or in an error of another library."""
    settings = MqttSettings(
        host="broker", username=USERNAME, password=PASSWORD, websocket_headers={"token": PASSWORD}
    )
    for each in (settings, Token("04AABBCCDD", "ISO14443")):
        assert not re.search(f"{PASSWORD}|{USERNAME}|04AABBCCDD", repr(each))


@pytest.mark.parametrize("own_ca", [False, True])
async def test_a_broker_that_cannot_be_verified_is_not_used(
    hass: HomeAssistant,
    make_broker: MakeBroker,
    certificates: Certificates,
    own_ca: bool,  # noqa: FBT001
) -> None:
    """There is no way back to a connection without verification, or without TLS."""
    broker = make_broker(certificates=certificates)
    authority = {"ca_certificate": Certificates.make().authority} if own_ca else {}
    tls = "own_ca" if own_ca else "system_ca"
    entry = await load(hass, other_broker(broker, tls=tls, **authority))
    assert entry.state.value == "setup_retry"
    assert "certificate" in (entry.reason or "").lower()


async def test_a_name_is_not_a_template(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """The name that a hub has for a charger is shown as it is."""
    name = "{{ 6 * 7 }} {name} {% raw %}"
    broker = make_broker()
    async with simulator(broker, ChargepointSetup(title=name), hub=True):
        entry = await load(hass, other_broker(broker))
        await until(lambda: entry.runtime_data.hub.nodes)

        def names() -> set[str | None]:
            devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
            return {each.name for each in devices}

        await until(lambda: name in names(), "the name of the device")
        await hass.async_block_till_done()
        shown = [state.attributes.get("friendly_name", "") for state in hass.states.async_all()]
        assert any(name in each for each in shown)
        assert not any("42" in each for each in shown)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_an_error_is_not_a_template(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """The words of a refusal are quoted as they are."""
    words = "{{ 6 * 7 }} {name} {reason}"
    async with running(hass, make_broker(), ChargepointSetup(profile="full")) as point:
        await point.point.refuse(words)
        await point.point.plug()
        await point.wait_for_state("sensor", "status", "ready_to_charge")
        with pytest.raises(Exception, match="6 \\* 7") as caught:
            await point.call("switch", "turn_on", "charging")
        assert words in str(caught.value)
