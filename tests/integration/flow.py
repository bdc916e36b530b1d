"""Steps through the pages of the config flow, for its tests."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.fimp_chargepoint.const import DOMAIN
from harness.broker import HOST
from tests.broker import PASSWORD, USERNAME, BrokerProcess

CREDENTIALS = {"username": USERNAME, "password": PASSWORD}


def form(broker: BrokerProcess | int, **fields: Any) -> dict[str, Any]:
    """Return a filled in form for a broker, or for another server on a port."""
    sections = {
        "certificates": fields.pop("certificates", {}),
        "topics": fields.pop("topics", {}),
    }
    port = broker if isinstance(broker, int) else broker.port
    return {"host": HOST, "port": port, "tls": "off", **fields, **sections}


async def begin(hass: HomeAssistant, choice: str = "broker") -> ConfigFlowResult:
    """Open the first page, and choose from the menu."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["type"] is FlowResultType.MENU
    return await submit(hass, result, {"next_step_id": choice})


async def submit(
    hass: HomeAssistant, result: ConfigFlowResult, fields: dict[str, Any]
) -> ConfigFlowResult:
    """Fill in a page."""
    return await hass.config_entries.flow.async_configure(result["flow_id"], fields)


async def finish(hass: HomeAssistant, result: ConfigFlowResult, page: str) -> ConfigFlowResult:
    """Wait for the end of the search, which must lead to `page`, and confirm that."""
    assert result["type"] is FlowResultType.SHOW_PROGRESS, result
    assert result["progress_action"] == "search"
    await hass.async_block_till_done()
    result = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert result["step_id"] == page
    result = await submit(hass, result, {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    return result


def shown(result: ConfigFlowResult) -> dict[str, Any]:
    """Return the values that a form is filled with, those of its sections too."""
    values: dict[str, Any] = {}

    def collect(schema: Any) -> None:
        for key, field in schema.schema.items():
            if hasattr(field, "schema"):
                collect(field.schema)
            elif key.description and "suggested_value" in key.description:
                values[str(key.schema)] = key.description["suggested_value"]

    collect(result["data_schema"])
    return values
