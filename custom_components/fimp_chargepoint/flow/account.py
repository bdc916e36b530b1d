"""The steps of the config flow for the account of a vendor: a new one, and another API token."""

from collections.abc import Collection
from typing import Final

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.const import CONF_API_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType
from homeassistant.helpers.translation import async_load_integrations
import probatio

from ..chargepoint import load_blue_current
from ..chargepoint.errors import ChargepointError
from ..const import CONF_CUSTOMER_ID, CONF_HUB, DOMAIN, Fields, HubKind, UserInput
from .options import price_options, price_schema
from .schemas import FormError, FormFlow, listed, plain_text

#: Where users create API tokens.
_PORTAL: Final = "https://my.bluecurrent.nl"

TOKEN_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(probatio.Secret(CONF_API_TOKEN)): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
        )
    }
)


class AccountFlow(FormFlow):
    """Looks up whose account an API token is for, then creates or changes its entry."""

    #: The account that is added: the name of its user, its charge points, the data of its entry.
    _login: str
    _charge_points: Collection[str]
    _account_data: Fields

    async def async_step_blue_current(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Set up the account that an API token is for."""
        problem: Exception | None = None
        if user_input is not None:
            token = user_input[CONF_API_TOKEN].strip()
            for entry in self._async_current_entries(include_ignore=False):
                if entry.data.get(CONF_API_TOKEN) == token:
                    # The server would refuse a second connection.
                    raise AbortFlow("account_already_configured")
            try:
                customer_id, login, charge_points = await _async_look_up(self.hass, token)
            except ChargepointError as error:
                problem = error
            else:
                await self.async_set_unique_id(customer_id, raise_on_progress=False)
                self._abort_if_unique_id_configured(error="account_already_configured")
                self._login, self._charge_points = login, charge_points
                self._account_data = {
                    CONF_HUB: HubKind.BLUE_CURRENT.value,
                    CONF_API_TOKEN: token,
                    CONF_CUSTOMER_ID: customer_id,
                }
                return await self.async_step_account()
        return self._show("blue_current", TOKEN_SCHEMA, {}, problem, portal=_PORTAL)

    async def async_step_account(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Show whose account it is and what it has, ask for the price, then create the entry."""
        problem: Exception | None = None
        if user_input is not None:
            try:
                options = price_options(self.hass, user_input)
            except FormError as error:
                problem = error
            else:
                return self.async_create_entry(
                    title=self._login, data=self._account_data, options=options
                )
        return self._show(
            "account",
            price_schema(self.hass.config.currency),
            user_input,
            problem,
            name=plain_text(self._login),
            charge_points=f"\n\n{listed(self._charge_points)}" if self._charge_points else "",
        )

    async def async_step_token(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Ask for another API token of the same account."""
        is_reauth = self.source == SOURCE_REAUTH
        entry = self._get_reauth_entry() if is_reauth else self._get_reconfigure_entry()
        problem: Exception | None = None
        if user_input is not None:
            token = user_input[CONF_API_TOKEN].strip()
            was_running = await _async_pause(self.hass, entry)
            try:
                customer_id, *_ = await _async_look_up(self.hass, token, with_names=False)
                if customer_id != entry.unique_id:
                    raise FormError("wrong_account")
            except BaseException as error:
                if was_running:
                    self.hass.async_create_task(_async_go_on(self.hass, entry), eager_start=False)
                if not isinstance(error, ChargepointError | FormError):
                    raise
                problem = error
            else:
                data = {**entry.data, CONF_API_TOKEN: token}
                return self.async_update_reload_and_abort(entry, data=data)
        return self._show("token", TOKEN_SCHEMA, {}, problem, portal=_PORTAL, name=entry.title)


async def _async_look_up(
    hass: HomeAssistant, token: str, *, with_names: bool = True
) -> tuple[str, str, Collection[str]]:
    """Return the account that an API token is for: customer id, login, names of charge points.

    Raises:
        ChargepointError: the token is refused, or the server cannot be asked.

    """
    # Nothing may be set up yet that has loaded the texts of errors.
    await async_load_integrations(hass, {DOMAIN})
    hub = await hass.async_add_executor_job(load_blue_current)
    return await hub.look_up(async_get_clientsession(hass), token, with_names=with_names)


async def _async_pause(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Disconnect, since the server refuses a second connection; return whether it was running."""
    async with entry.setup_lock:
        """Wait for a set-up or an unload that is already running."""
    is_running = entry.state in (ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY)
    return is_running and await hass.config_entries.async_unload(entry.entry_id)


async def _async_go_on(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Connect as before. Not by a reload, which would abort a flow that asks for a token."""
    if entry.state is ConfigEntryState.NOT_LOADED:
        await hass.config_entries.async_setup(entry.entry_id)
