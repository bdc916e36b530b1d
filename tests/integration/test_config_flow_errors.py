"""Setting up: the errors that are possible, their texts, and that they can be corrected."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import (
    ConfigEntryDisabler,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.transport import mqtt
from tests.broker import (
    HOST,
    USERNAME,
    BrokerProcess,
    Certificates,
    free_port,
    mosquitto,
)
from tests.conftest import MakeBroker

from .conftest import mqtt_entry
from .flow import CREDENTIALS, begin, finish, form, shown, submit


async def _wrong(
    hass: HomeAssistant, fields: dict[str, Any], key: str, right: dict[str, Any]
) -> None:
    """Fill in an error, check its text, then correct it."""
    result = await submit(hass, await begin(hass), fields)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "broker"
    assert result["errors"] == {"base": key}
    assert result["description_placeholders"]["detail"]
    # The form keeps the other fields.
    assert shown(result)["port"] == fields["port"]
    await finish(hass, await submit(hass, result, right), "nothing_found")


async def test_broker_is_down(hass: HomeAssistant, broker: BrokerProcess) -> None:
    await _wrong(hass, form(free_port()), "cannot_connect", form(broker))


async def test_host_is_not_known(hass: HomeAssistant, broker: BrokerProcess) -> None:
    fields = form(broker, host="256.256.256.256")
    with patch("socket.getaddrinfo", side_effect=OSError("Name or service not known")):
        result = await submit(hass, await begin(hass), fields)
    assert result["errors"] == {"base": "cannot_connect"}
    assert "not known" in result["description_placeholders"]["detail"]
    await finish(hass, await submit(hass, result, form(broker)), "nothing_found")


@pytest.mark.parametrize("fields", [{}, {"username": USERNAME, "password": "wrong"}])
async def test_refused_credentials(
    hass: HomeAssistant, make_broker: MakeBroker, fields: dict[str, Any]
) -> None:
    broker = make_broker(credentials=True)
    right = form(broker, **CREDENTIALS)
    await _wrong(hass, form(broker, **fields), "invalid_auth", right)


@pytest.mark.skipif(mosquitto() is None, reason="amqtt does not hang up on nonsense")
async def test_tls_to_a_plain_broker(hass: HomeAssistant, broker: BrokerProcess) -> None:
    await _wrong(hass, form(broker, tls="unverified"), "tls_failed", form(broker))


async def test_plain_to_a_tls_broker(
    hass: HomeAssistant,
    make_broker: MakeBroker,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mqtt, "_TIMEOUT", 0.3)
    broker = make_broker(certificates=certificates)
    result = await submit(hass, await begin(hass), form(broker))
    # It disconnects, which looks the same as a server that is not a broker.
    assert result["errors"]["base"] in ("cannot_connect", "no_answer")
    right = form(broker, tls="own_ca", certificates={"ca_certificate": certificates.authority})
    await finish(hass, await submit(hass, result, right), "nothing_found")


@pytest.mark.parametrize("tls", ["system_ca", "own_ca"])
async def test_broker_is_not_trusted(
    hass: HomeAssistant, make_broker: MakeBroker, certificates: Certificates, tls: str
) -> None:
    """Signed by another authority than the one we believe."""
    broker = make_broker(certificates=certificates)
    stranger = {"ca_certificate": Certificates.make().authority}
    right = form(broker, tls="own_ca", certificates={"ca_certificate": certificates.authority})
    wrong = form(broker, tls=tls, certificates=stranger)
    await _wrong(hass, wrong, "tls_failed", right)


async def _serve(answer: bytes | None) -> tuple[asyncio.Server, int]:
    """Listen on a port: answer with bytes that are not MQTT, or never."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is not None:
            writer.write(answer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(connected, HOST)
    return server, server.sockets[0].getsockname()[1]


type Serve = Callable[[bytes | None], Any]


@pytest.fixture(name="serve")
async def serve_fixture(socket_enabled: None) -> AsyncGenerator[Serve]:
    """A server that is not a broker; returns its port."""
    servers: list[asyncio.Server] = []

    async def serve(answer: bytes | None) -> int:
        server, port = await _serve(answer)
        servers.append(server)
        return port

    yield serve
    for server in servers:
        server.close()
        await server.wait_closed()


async def test_broker_never_answers(
    hass: HomeAssistant, broker: BrokerProcess, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "_TIMEOUT", 0.3)
    port = await serve(None)
    await _wrong(hass, form(port), "no_answer", form(broker))


async def test_broker_is_no_broker(
    hass: HomeAssistant, broker: BrokerProcess, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "_TIMEOUT", 0.3)
    port = await serve(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    result = await submit(hass, await begin(hass), form(port))
    assert result["errors"]["base"] in ("cannot_connect", "no_answer")
    await finish(hass, await submit(hass, result, form(broker)), "nothing_found")


async def test_a_name_that_no_host_can_have(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """It passes the form, but not Python's rules for names."""
    with patch("socket.getaddrinfo", side_effect=UnicodeError("label too long")):
        result = await submit(hass, await begin(hass), form(broker, host="x" * 70))
    assert result["errors"] == {"base": "cannot_connect"}
    assert "Error" not in result["description_placeholders"]["detail"]
    await finish(hass, await submit(hass, result, form(broker)), "nothing_found")


async def test_what_cannot_be_meant(
    hass: HomeAssistant, broker: BrokerProcess, certificates: Certificates
) -> None:
    """Nothing is tried before the form makes sense."""
    key = {"client_key": certificates.client_key}
    result = await begin(hass)
    for fields, error in (
        ({"tls": "own_ca"}, "ca_certificate_missing"),
        ({"tls": "unverified", "certificates": key}, "client_certificate_missing"),
        ({"topics": {"prefixes": ["site/#"]}}, "prefix_with_wildcard"),
        ({"topics": {"prefixes": ["ab", "", "a"]}}, "prefixes_alike"),
        *(
            ({"host": host}, "host_invalid")
            for host in (" ", "mqtt://broker", "broker:1883", "my broker", "broker..local")
        ),
    ):
        with patch.object(MqttHub, "start", side_effect=AssertionError):
            result = await submit(hass, result, form(broker, **fields))
        assert result["errors"] == {"base": error}
    await finish(hass, await submit(hass, result, form(broker)), "nothing_found")


async def test_certificates_that_are_none(
    hass: HomeAssistant, broker: BrokerProcess, certificates: Certificates
) -> None:
    for fields in (
        {"ca_certificate": "nonsense"},
        {"ca_certificate": "Ünsinn"},
        {"ca_certificate": certificates.authority, "client_certificate": "nonsense"},
        {
            "ca_certificate": certificates.authority,
            "client_certificate": certificates.client,
            "client_key": certificates.server_key,
        },
    ):
        result = await submit(
            hass, await begin(hass), form(broker, tls="own_ca", certificates=fields)
        )
        assert result["errors"] == {"base": "invalid_certificate"}
    await finish(hass, await submit(hass, result, form(broker)), "nothing_found")


async def test_home_assistants_broker_refuses(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """Only the MQTT integration can be given other credentials."""
    entry = mqtt_entry(hass, make_broker(credentials=True), username=USERNAME, password="no")
    result = await submit(hass, await begin(hass, "home_assistant"), {"topics": {}})
    assert result["errors"] == {"base": "mqtt_invalid_auth"}

    hass.config_entries.async_update_entry(entry, data=entry.data | CREDENTIALS)
    await finish(hass, await submit(hass, result, {"topics": {}}), "nothing_found")


async def test_mqtt_integration_goes_away_meanwhile(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    entry = mqtt_entry(hass, broker)
    result = await begin(hass, "home_assistant")
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    result = await submit(hass, result, {"topics": {}})
    assert result["errors"] == {"base": "cannot_connect"}
    assert "disabled" in result["description_placeholders"]["detail"]

    await hass.config_entries.async_remove(entry.entry_id)
    result = await submit(hass, result, {"topics": {}})
    assert result["errors"] == {"base": "cannot_connect"}
    assert "not set up" in result["description_placeholders"]["detail"]

    mqtt_entry(hass, broker)
    await finish(hass, await submit(hass, result, {"topics": {}}), "nothing_found")
