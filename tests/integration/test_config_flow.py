"""Setting up, from the first page to the entry, and changing it later."""

from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntryDisabler,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint.chargepoint.mqtt_hub import MqttHub
from custom_components.fimp_chargepoint.chargepoint.options import Options, Token
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.flow import discovery_scan
from custom_components.fimp_chargepoint.flow.options import library_options
from custom_components.fimp_chargepoint.flow.schemas import listed
from harness.broker import HOST, free_port
from simulators.fimp import ChargepointSetup
from tests.broker import USERNAME, BrokerProcess, Certificates
from tests.conftest import MakeBroker

from .conftest import load, mqtt_entry, other_broker, simulator, until
from .flow import CREDENTIALS, begin, finish, form, shown, submit

# The way that leads to an entry ------------------------------------------------------


async def test_other_broker(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A found charge point has a name; its devices are complete when the entry is created."""
    monkeypatch.setattr(discovery_scan, "SEARCH_SECONDS", 1.5)
    setups = (ChargepointSetup(), ChargepointSetup(name="b", profile="minimal", serial="2"))
    async with simulator(broker, *setups, announce=False) as home:
        (garage, _) = home.points.values()
        await garage.plug()
        result = await begin(hass)
        assert result["type"] is FlowResultType.FORM
        assert result["step_id"] == "broker"
        result = await submit(hass, result, form(broker))
        assert result["type"] is FlowResultType.SHOW_PROGRESS
        await hass.async_block_till_done()
        result = await hass.config_entries.flow.async_configure(result["flow_id"])
        assert result["step_id"] == "found"
        names = result["description_placeholders"]["charge_points"]
        assert names == "- Acme Socket: No car connected\n- Acme Wallbox: Ready to charge"
        result = await submit(hass, result, {"fixed_price": 1.5})

        assert result["type"] is FlowResultType.CREATE_ENTRY
        for name in ("acme_socket", "acme_wallbox"):
            assert hass.states.get(f"sensor.{name}_status") is not None
            assert hass.states.get(f"sensor.{name}_total_cost") is not None
        assert result["options"] == {"fixed_price": 1.5}
        assert result["title"] == HOST
        assert result["data"] == {
            "hub": "broker",
            "host": HOST,
            "port": broker.port,
            "tls": "off",
            "prefixes": [""],
        }
        await hass.async_block_till_done()
        assert result["result"].state is ConfigEntryState.LOADED


async def test_what_charges_is_found_with_its_power(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery_scan, "SEARCH_SECONDS", 1.5)
    async with simulator(broker, ChargepointSetup()) as home:
        (garage,) = home.points.values()
        await garage.plug()
        garage.allowed = True
        garage.apply()
        result = await submit(hass, await begin(hass), form(broker))
        await hass.async_block_till_done()
        result = await hass.config_entries.flow.async_configure(result["flow_id"])
        power = f"{garage.connector.power / 1000:.2g} kW"
        assert result["description_placeholders"]["charge_points"] == (
            f"- Acme Wallbox: Charging ({power})"
        )
        for fields, error in (
            ({"fixed_price": 1.5, "price_entity": "sensor.price"}, "two_prices"),
            ({"price_entity": "sensor.power"}, "price_unit"),
        ):
            hass.states.async_set("sensor.power", "1", {"unit_of_measurement": "W"})
            result = await submit(hass, result, fields)
            assert result["errors"] == {"base": error}
        result = await submit(hass, result, {})
        assert result["options"] == {}
        await hass.async_block_till_done()


async def test_two_brokers_on_one_host_have_their_ports_in_their_titles(
    hass: HomeAssistant, make_broker: MakeBroker
) -> None:
    brokers = [make_broker() for _ in range(3)]
    for broker in brokers:
        result = await submit(hass, await begin(hass), form(broker))
        await finish(hass, result, "nothing_found")
        entries = hass.config_entries.async_entries(DOMAIN)
        if len(entries) == 2:
            hass.config_entries.async_update_entry(entries[0], title="Garage")
    titles = [entry.title for entry in hass.config_entries.async_entries(DOMAIN)]
    assert titles == ["Garage", *(f"{HOST}:{broker.port}" for broker in brokers[1:])]


async def test_home_assistants_broker(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """Nothing of the MQTT integration is copied into our entry."""
    mqtt_entry(hass, make_broker(credentials=True), **CREDENTIALS)
    result = await begin(hass, "home_assistant")
    assert result["step_id"] == "home_assistant"
    result = await submit(hass, result, {"topics": {"prefixes": ["", "site/"]}})
    result = await finish(hass, result, "nothing_found")

    assert result["title"] == "Home Assistant MQTT"
    assert result["data"] == {"hub": "home_assistant", "prefixes": ["", "site/"]}
    assert result["result"].unique_id == "ha_mqtt"
    assert result["result"].state is ConfigEntryState.LOADED


async def test_menu_leads_to_another_broker(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Also if the MQTT integration is there; a prefix counts once."""
    mqtt_entry(hass, broker)
    result = await begin(hass, "broker")
    fields = form(broker, topics={"prefixes": ["a/", "b/", "a/"]})
    result = await finish(hass, await submit(hass, result, fields), "nothing_found")
    assert result["data"]["prefixes"] == ["a/", "b/"]


async def test_disabled_mqtt_integration_is_not_offered(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    entry = mqtt_entry(hass, broker)
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert menu["menu_options"] == ["broker", "blue_current"]


async def test_nothing_delivered(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """A broker whose rules block all messages still accepts the subscription."""
    broker = make_broker(delivers=False)
    result = await submit(hass, await begin(hass), form(broker))
    await finish(hass, result, "nothing_delivered")


async def test_nothing_delivered_below_one_prefix(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    with patch.object(discovery_scan, "reaches_any", side_effect=[True, False]) as reaches_any:
        fields = form(broker, topics={"prefixes": ["", "site/"]})
        result = await submit(hass, await begin(hass), fields)
        await finish(hass, result, "nothing_delivered")
    assert [call.args[1] for call in reaches_any.call_args_list] == ["", "site/"]


async def test_with_credentials(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    broker = make_broker(credentials=True)
    result = await submit(hass, await begin(hass), form(broker, **CREDENTIALS))
    result = await finish(hass, result, "nothing_found")
    assert result["data"].items() >= CREDENTIALS.items()


@pytest.mark.parametrize("tls", ["own_ca", "unverified"])
async def test_with_tls(
    hass: HomeAssistant, make_broker: MakeBroker, certificates: Certificates, tls: str
) -> None:
    broker = make_broker(certificates=certificates)
    fields = form(broker, tls=tls, certificates={"ca_certificate": certificates.authority})
    await finish(hass, await submit(hass, await begin(hass), fields), "nothing_found")


@pytest.mark.parametrize("tls", ["own_ca", "unverified"])
async def test_with_client_certificate(
    hass: HomeAssistant, make_broker: MakeBroker, certificates: Certificates, tls: str
) -> None:
    broker = make_broker(certificates=certificates, client_certificates=True)
    fields = form(
        broker,
        tls=tls,
        certificates={
            "ca_certificate": certificates.authority,
            "client_certificate": certificates.client,
            "client_key": certificates.client_key,
        },
    )
    await finish(hass, await submit(hass, await begin(hass), fields), "nothing_found")


@pytest.mark.parametrize("insecure", [True, False])
async def test_home_assistants_broker_with_tls(
    hass: HomeAssistant,
    make_broker: MakeBroker,
    certificates: Certificates,
    insecure: bool,  # noqa: FBT001
) -> None:
    """Own CA, client certificate and the ignored host name are taken over."""
    broker = make_broker(certificates=certificates, client_certificates=True)
    mqtt_entry(
        hass,
        broker,
        certificate=certificates.authority,
        client_cert=certificates.client,
        client_key=certificates.client_key,
        tls_insecure=insecure,
    )
    result = await submit(hass, await begin(hass, "home_assistant"), {"topics": {}})
    await finish(hass, result, "nothing_found")


# Existing entries --------------------------------------------------------------------------


async def test_same_broker_twice(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The same host, port and prefixes are the same hub."""
    other_broker(broker).add_to_hass(hass)
    result = await submit(hass, await begin(hass), form(broker))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"

    # All below the prefix they share would be there twice.
    fields = form(broker, topics={"prefixes": ["site/", ""]})
    result = await submit(hass, await begin(hass), fields)
    assert result["type"] is FlowResultType.ABORT

    fields = form(broker, topics={"prefixes": ["site/"]})
    await finish(hass, await submit(hass, await begin(hass), fields), "nothing_found")


async def test_home_assistants_broker_twice(hass: HomeAssistant, broker: BrokerProcess) -> None:
    mqtt_entry(hass, broker)
    MockConfigEntry(domain=DOMAIN, unique_id="ha_mqtt").add_to_hass(hass)
    result = await begin(hass, "home_assistant")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_closed_while_searching(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection of a flow that is given up does not stay."""
    monkeypatch.setattr(discovery_scan, "SEARCH_SECONDS", 60)
    hubs: list[MqttHub] = []
    start = MqttHub.start

    async def remember(self: MqttHub) -> None:
        await start(self)
        hubs.append(self)

    with patch.object(MqttHub, "start", remember):
        result = await submit(hass, await begin(hass), form(broker))
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert [hub.transport.connected for hub in hubs] == [True]
    # The frontend asks again for the progress.
    result = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert result["type"] is FlowResultType.SHOW_PROGRESS

    hass.config_entries.flow.async_abort(result["flow_id"])
    await until(lambda: not hubs[0].transport.connected, "the hub to be stopped")


# Changing it later ---------------------------------------------------------------------------


async def test_reauth(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    broker = make_broker(credentials=True)
    entry = await load(hass, other_broker(broker, username=USERNAME, password="old"))
    assert entry.state is ConfigEntryState.SETUP_ERROR
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["step_id"] == "reauth_confirm"
    result = await hass.config_entries.flow.async_configure(flow["flow_id"])
    assert shown(result) == {"username": USERNAME}

    result = await submit(hass, result, {"username": USERNAME, "password": "wrong"})
    assert result["errors"] == {"base": "invalid_auth"}
    result = await submit(hass, result, CREDENTIALS)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data.items() >= CREDENTIALS.items()


async def test_reauth_without_credentials(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A broker may have stopped asking."""
    entry = other_broker(broker, **CREDENTIALS)
    entry.add_to_hass(hass)
    result = await entry.start_reauth_flow(hass)
    result = await submit(hass, result, {})
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.data == other_broker(broker).data


async def test_reconfigure(hass: HomeAssistant, make_broker: MakeBroker) -> None:
    """Secrets are not shown, and kept when they are not filled in."""
    broker, other = make_broker(credentials=True), make_broker(credentials=True)
    entry = await load(hass, other_broker(broker, **CREDENTIALS))
    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "broker"
    assert shown(result) == {
        "host": HOST,
        "port": broker.port,
        "username": USERNAME,
        "tls": "off",
        "prefixes": [""],
    }
    result = await submit(hass, result, form(free_port(), username=USERNAME))
    assert result["errors"] == {"base": "cannot_connect"}
    result = await submit(hass, result, form(other, username=USERNAME))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data == other_broker(other, **CREDENTIALS).data
    assert entry.title == "Charging"


async def test_reconfigure_what_has_a_password_and_no_user_name(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    entry = await load(hass, other_broker(broker, password="alone"))
    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result, form(broker, username=USERNAME))
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    # There was no password.
    assert "password" not in entry.data


async def test_reconfigure_renames_what_has_no_name_of_its_own(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    entry = other_broker(broker, host="localhost", **CREDENTIALS)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, title="localhost")
    result = await entry.start_reconfigure_flow(hass)
    # The password belongs to the user name, which was removed.
    result = await submit(hass, result, form(broker))
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.title == HOST
    assert entry.data == other_broker(broker).data


async def test_reconfigure_to_what_is_there(hass: HomeAssistant, broker: BrokerProcess) -> None:
    other_broker(broker).add_to_hass(hass)
    entry = other_broker(broker, prefixes=["site/"])
    entry.add_to_hass(hass)
    result = await submit(hass, await entry.start_reconfigure_flow(hass), form(broker))
    assert result["reason"] == "already_configured"


async def test_reconfigure_home_assistants_broker(
    hass: HomeAssistant, broker: BrokerProcess
) -> None:
    mqtt_entry(hass, broker)
    entry = MockConfigEntry(
        domain=DOMAIN,
        unique_id="ha_mqtt",
        data={"hub": "home_assistant", "prefixes": [""]},
    )
    await load(hass, entry)
    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "home_assistant"
    result = await submit(hass, result, {"topics": {"prefixes": ["site/"]}})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data == {"hub": "home_assistant", "prefixes": ["site/"]}
    assert entry.state is ConfigEntryState.LOADED


async def test_options(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A changed preference takes effect at once."""
    entry = await load(hass, other_broker(broker))
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["step_id"] == "init"
    assert shown(result) == {"measurement_interval": 0, "restart_delay": 0}
    result = await hass.config_entries.options.async_configure(
        result["flow_id"],
        {
            "measurements": {"measurement_interval": 30},
            "charging": {"restart_delay": 0},
            "costs": {"fixed_price": 1.5},
            "failsafe": {},
            "protocols": {"protocols": ["fimp"]},
            "everest": {"token": " DEADBEEF ", "token_type": "local"},
        },
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data.hub.options == Options(
        measurement_interval=30,
        restart_delay=0,
        protocols=("fimp",),
        token=Token("DEADBEEF", "Local"),
    )


async def test_emptied_options(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A field that is emptied is not kept, and a form that is only sent changes nothing."""
    options = {
        "measurement_interval": 7.0,
        "restart_delay": 20.0,
        "restore_limits": True,
        "protocols": ["everest"],
        "token": "CAFE",
        "token_type": "central",
        "internal_bus": "station",
        "communication_check": True,
    }
    entry = other_broker(broker, options=options)
    entry.add_to_hass(hass)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert shown(result) == options
    result = await hass.config_entries.options.async_configure(
        result["flow_id"],
        {
            "measurements": {"measurement_interval": 7},
            "charging": {},
            "costs": {},
            "failsafe": {},
            "protocols": {"protocols": ["everest"]},
            "everest": {"token": "  "},
        },
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == {
        "measurement_interval": 7,
        "restart_delay": 10,
        "restore_limits": False,
        "protocols": ["everest"],
        "token_type": "iso14443",
        "communication_check": False,
        "failsafe_on_stop": False,
    }
    assert library_options(entry.options) == Options(measurement_interval=7, protocols=("everest",))


async def test_no_protocol(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Nothing could ever be found; the form explains it, keeps the rest, and continues."""
    entry = other_broker(broker)
    entry.add_to_hass(hass)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    filled_in = {
        "measurements": {},
        "charging": {"restart_delay": 20},
        "costs": {},
        "failsafe": {},
        "protocols": {"protocols": []},
        "everest": {},
    }
    result = await hass.config_entries.options.async_configure(result["flow_id"], filled_in)
    assert result["errors"] == {"base": "protocol_missing"}
    assert shown(result)["restart_delay"] == 20
    filled_in["protocols"]["protocols"] = ["fimp"]
    result = await hass.config_entries.options.async_configure(result["flow_id"], filled_in)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options["protocols"] == ["fimp"]


@pytest.mark.parametrize("root", ["everest/#", "+", "a//b", "everest/"])
async def test_no_prefix_of_a_bus(hass: HomeAssistant, broker: BrokerProcess, root: str) -> None:
    entry = other_broker(broker)
    entry.add_to_hass(hass)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    filled_in: dict[str, Any] = {
        "measurements": {},
        "charging": {},
        "costs": {},
        "failsafe": {},
        "protocols": {},
        "everest": {"internal_bus": root},
    }
    result = await hass.config_entries.options.async_configure(result["flow_id"], filled_in)
    assert result["errors"] == {"base": "internal_bus_invalid"}
    filled_in["everest"]["internal_bus"] = " site/everest "
    result = await hass.config_entries.options.async_configure(result["flow_id"], filled_in)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert library_options(entry.options).internal_bus == "site/everest"


@pytest.mark.parametrize(
    ("costs", "unit", "error"),
    [
        ({"price_entity": "sensor.price", "fixed_price": 2.0}, "EUR/kWh", "two_prices"),
        ({"price_entity": "sensor.price"}, "NOK/kWh", "price_unit"),
        ({"price_entity": "sensor.price"}, "NOK", "price_unit"),
        ({"price_entity": "sensor.price"}, None, "price_unit"),
    ],
)
async def test_price_that_nobody_can_count_with(
    hass: HomeAssistant,
    broker: BrokerProcess,
    costs: dict[str, Any],
    unit: str | None,
    error: str,
) -> None:
    """The form shows why, and accepts another one."""
    hass.states.async_set("sensor.price", "1.5", unit and {"unit_of_measurement": unit})
    entry = other_broker(broker)
    entry.add_to_hass(hass)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    form = {str(key): {} for key in result["data_schema"].schema}
    configure = hass.config_entries.options.async_configure
    result = await configure(result["flow_id"], form | {"costs": costs})
    assert result["errors"] == {"base": error}
    assert result["description_placeholders"]["currency"] == "EUR"
    hass.states.async_set("sensor.price", "1.5", {"unit_of_measurement": "EUR/MWh"})
    price = {"price_entity": "sensor.price"}
    result = await configure(result["flow_id"], form | {"costs": price})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options["price_entity"] == "sensor.price"


@pytest.mark.parametrize("state", [None, "unavailable", "unknown"])
async def test_price_that_is_not_there_yet(
    hass: HomeAssistant, broker: BrokerProcess, state: str | None
) -> None:
    """Its unit is not known yet."""
    if state is not None:
        hass.states.async_set("sensor.price", state)
    entry = other_broker(broker)
    entry.add_to_hass(hass)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    form = {str(key): {} for key in result["data_schema"].schema}
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], form | {"costs": {"price_entity": "sensor.price"}}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_options_before_any(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Every section may be sent empty: the missing fields stay unchanged."""
    entry = other_broker(broker)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, options={})
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert shown(result) == {}
    sections = {str(key): {} for key in result["data_schema"].schema}
    await hass.config_entries.options.async_configure(result["flow_id"], sections)
    assert library_options(entry.options) == library_options({}) == Options()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Garage: Charging (11 kW)", "Garage: Charging (11 kW)"),
        ("my_wall*box* [1]", r"my\_wall\*box\* \[1\]"),
        ("1. OG <b>\n# Garage", r"1\. OG \<b\> \# Garage"),
        ("- A-1", r"\- A-1"),
    ],
)
def test_a_name_is_shown_as_it_is(name: str, shown: str) -> None:
    """The pages of the flow are Markdown."""
    assert listed([name]) == f"- {shown}"
