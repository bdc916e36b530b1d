"""The config flow: which hub, a test of the connection, what is found on a broker."""

import asyncio
from collections.abc import Callable, Collection
from functools import partial
from typing import Final, override

from homeassistant.config_entries import (
    SOURCE_MQTT,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_PORT, CONF_USERNAME
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
from homeassistant.helpers.translation import async_load_integrations
import probatio

from .chargepoint import MqttHub
from .chargepoint.errors import AuthenticationError, ChargepointError
from .const import CONF_HUB, CONF_PREFIXES, DOMAIN, MQTT_DOMAIN, Fields, HubKind, UserInput
from .coordinator import AnyNode
from .devices import (
    HOME_ASSISTANT_MQTT,
    async_display_name,
    async_find_device,
    async_new_hub_id,
    node_identifier,
)
from .flow.account import AccountFlow
from .flow.discovery_scan import DiscoveryScan, async_describe, async_search, remember_found
from .flow.options import library_options, price_options, price_schema
from .flow.options_flow import FimpOptionsFlow
from .flow.schemas import (
    BROKER_SCHEMA,
    CREDENTIALS_SCHEMA,
    HOME_ASSISTANT_SCHEMA,
    FormError,
    broker_data,
    credentials_data,
    home_assistant_data,
    listed,
    plain_text,
)
from .hubs import broker_hub, has_home_assistant_broker, same_topics
from .repair_issues.duplicate_entry import async_is_heard_elsewhere

_HOME_ASSISTANT_TITLE: Final = "Home Assistant MQTT"


class FimpConfigFlow(AccountFlow, domain=DOMAIN):
    """Test the connection, show what was found, then create the entry."""

    VERSION = 1

    #: The data of the new entry; tested, unless it was discovered.
    _data: Fields
    _search: asyncio.Task[DiscoveryScan]
    #: What was discovered on Home Assistant's broker.
    _found: AnyNode

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> FimpOptionsFlow:
        """Return the flow for preferences."""
        return FimpOptionsFlow()

    # Which hub ------------------------------------------------------------

    @override
    async def async_step_user(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Choose what to connect to."""
        has_broker = has_home_assistant_broker(self.hass)
        return self.async_show_menu(
            step_id="user",
            menu_options=[
                each for each in HubKind if has_broker or each is not HubKind.HOME_ASSISTANT
            ],
        )

    async def async_step_home_assistant(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Use the broker of Home Assistant's MQTT integration."""
        # A discovery in progress does not prevent the manual set-up.
        await self.async_set_unique_id(HOME_ASSISTANT_MQTT, raise_on_progress=False)
        if self.source != SOURCE_RECONFIGURE:
            self._abort_if_unique_id_configured()
        read = home_assistant_data
        return await self._async_form("home_assistant", HOME_ASSISTANT_SCHEMA, user_input, read)

    async def async_step_broker(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Use another broker."""
        read = partial(broker_data, known=self._known)
        return await self._async_form("broker", BROKER_SCHEMA, user_input, read)

    async def _async_form(
        self,
        step_id: str,
        schema: probatio.Schema,
        user_input: UserInput,
        read: Callable[[Fields], Fields],
    ) -> ConfigFlowResult:
        """Ask for the broker, whose data is what `read` makes of the form, and use it."""
        problem: Exception | None = None
        if user_input is not None:
            try:
                data = read(user_input)
                self._abort_if_overlapping(data)
                return await self._async_use(data)
            except (FormError, ChargepointError) as error:
                problem = error
        return self._show(step_id, schema, user_input, problem)

    @override
    async def async_step_mqtt(self, discovery_info: MqttServiceInfo) -> ConfigFlowResult:
        """Take a message from Home Assistant's broker: each one starts a flow."""
        entry = self.hass.config_entries.async_entry_for_domain_unique_id(
            DOMAIN, HOME_ASSISTANT_MQTT
        )
        if entry is not None and MQTT_DOMAIN in entry.discovery_keys:
            # Otherwise the topic of each message would be written to disk, in turn.
            return self.async_abort(reason="already_configured")
        self._data = home_assistant_data({})
        payload = discovery_info.payload
        found = self._hub(self._data).recognise(
            discovery_info.topic,
            payload.encode() if isinstance(payload, str) else bytes(payload),
        )
        # Charge points retain nothing: this message would be outdated.
        if found is None or discovery_info.retain:
            return self.async_abort(reason="invalid_discovery_info")
        self._found = found
        await self.async_set_unique_id(HOME_ASSISTANT_MQTT)
        self._abort_if_unique_id_configured()
        name = await async_display_name(self.hass, found.snapshot.identity)
        self.context["title_placeholders"] = {"name": name}
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Set up Home Assistant's broker, on which a charge point was discovered."""
        # It may have been set up in another way meanwhile.
        self._abort_if_overlapping(self._data)
        self._abort_if_found(self._found)
        problem: Exception | None = None
        if user_input is not None:
            try:
                options = price_options(self.hass, user_input)
                await (await self._async_connect(self._data)).stop()
                return await self._async_create_entry(options, {self._found.address})
            except (FormError, ChargepointError) as error:
                problem = error
        name = await async_display_name(self.hass, self._found.snapshot.identity)
        schema = price_schema(self.hass.config.currency)
        return self._show("confirm", schema, user_input, problem, name=plain_text(name))

    async def async_step_reconfigure(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Change how the hub of an entry is reached."""
        match self._known[CONF_HUB]:
            case HubKind.HOME_ASSISTANT:
                return await self.async_step_home_assistant()
            case HubKind.BLUE_CURRENT:
                return await self.async_step_token()
        return await self.async_step_broker()

    async def async_step_reauth(self, entry_data: Fields) -> ConfigFlowResult:
        """The hub no longer accepts the credentials."""
        if entry_data[CONF_HUB] == HubKind.BLUE_CURRENT:
            return await self.async_step_token()
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Ask for others."""
        entry = self._get_reauth_entry()
        problem: Exception | None = None
        if user_input is not None:
            data = credentials_data(user_input, entry.data)
            try:
                await (await self._async_connect(data)).stop()
            except ChargepointError as error:
                problem = error
            else:
                return self.async_update_reload_and_abort(entry, data=data)
        suggested = {CONF_USERNAME: entry.data.get(CONF_USERNAME)} | (user_input or {})
        return self._show("reauth_confirm", CREDENTIALS_SCHEMA, suggested, problem)

    def _abort_if_overlapping(self, data: Fields) -> None:
        """Abort if another entry has a prefix of this broker: all would appear twice."""
        reconfigured = self.context.get("entry_id")
        for entry in self._async_current_entries(include_ignore=False):
            if entry.entry_id != reconfigured and same_topics(self.hass, entry.data, data):
                raise AbortFlow("already_configured")

    def _abort_if_found(self, node: AnyNode) -> None:
        """Abort if another entry has the charge point: a bridge may forward its messages.

        Its device exists also while that entry is starting.
        """
        for entry in self._async_current_entries(include_ignore=False):
            identifier = node_identifier(entry, node.address)
            if async_find_device(self.hass, entry.entry_id, identifier) is not None:
                raise AbortFlow("already_configured")

    def _withdraw_discovery(self, data: Fields) -> None:
        """Withdraw what was discovered on Home Assistant's broker, if `data` leads there."""
        if same_topics(self.hass, data, home_assistant_data({})):
            for flow in self._async_in_progress(match_context={"source": SOURCE_MQTT}):
                self.hass.config_entries.flow.async_abort(flow["flow_id"])

    # The test, and what is found -------------------------------------------

    def _hub(self, data: Fields) -> MqttHub:
        """Return the hub of an entry with this data, not connected."""
        entry = self.hass.config_entries.async_get_entry(self.context.get("entry_id", ""))
        # Some brokers close the connection if a topic is not allowed.
        options = library_options({} if entry is None else entry.options)
        return broker_hub(self.hass, data, options)

    async def _async_connect(self, data: Fields) -> MqttHub:
        """Return a hub that is connected; the caller stops it.

        Raises:
            ChargepointError, FormError: it could not be connected.
            AbortFlow: another entry receives the same messages.

        """
        # Nothing may be set up yet that has loaded the texts of errors.
        await async_load_integrations(self.hass, {DOMAIN})
        hub = self._hub(data)
        try:
            await hub.start()
        except AuthenticationError as error:
            if data[CONF_HUB] == HubKind.HOME_ASSISTANT:
                # Only the MQTT integration can ask for other credentials.
                raise FormError("mqtt_invalid_auth") from error
            raise
        try:
            if await async_is_heard_elsewhere(
                self.hass, hub, data[CONF_PREFIXES], self.context.get("entry_id")
            ):
                raise AbortFlow("already_configured")
        except BaseException:
            await hub.stop()
            raise
        return hub

    async def _async_use(self, data: Fields) -> ConfigFlowResult:
        """Connect, then change the entry or look for charge points."""
        hub = await self._async_connect(data)
        if self.source == SOURCE_RECONFIGURE:
            await hub.stop()
            entry = self._get_reconfigure_entry()
            keeps_title = _is_own_title(entry.title, entry.data)
            self._withdraw_discovery(data)
            return self.async_update_reload_and_abort(
                entry, data=data, title=entry.title if keeps_title else self._title(data)
            )
        self._data = data
        # The task owns the hub from here. It has begun when this returns, so that it
        # stops the hub whatever becomes of the flow, which cancels it when it is removed.
        self._search = self.hass.async_create_task(
            async_search(hub, data[CONF_PREFIXES]), eager_start=True
        )
        return await self.async_step_search()

    async def async_step_search(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Show the progress of the scan."""
        if not self._search.done():
            return self.async_show_progress(
                step_id="search", progress_action="search", progress_task=self._search
            )
        return self.async_show_progress_done(next_step_id=self._search.result().next_step)

    async def async_step_found(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Show the names of what was found."""
        return await self._async_conclude("found", user_input)

    async def async_step_nothing_found(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Explain that charge points can be found later."""
        return await self._async_conclude("nothing_found", user_input)

    async def async_step_nothing_delivered(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Explain that the broker does not deliver our own messages."""
        return await self._async_conclude("nothing_delivered", user_input)

    async def _async_conclude(self, step_id: str, user_input: UserInput) -> ConfigFlowResult:
        """Show the result of the scan and ask for the price, then create the entry."""
        scan, problem = self._search.result(), None
        if user_input is not None:
            try:
                options = price_options(self.hass, user_input)
                return await self._async_create_entry(options, scan.addresses)
            except FormError as error:
                problem = error
        found = [await async_describe(self.hass, each) for each in scan.found]
        schema = price_schema(self.hass.config.currency) if found else probatio.Schema({})
        return self._show(step_id, schema, user_input, problem, charge_points=listed(found))

    async def _async_create_entry(
        self, options: Fields, found: Collection[str]
    ) -> ConfigFlowResult:
        """Create the entry, and withdraw discoveries that belong to it."""
        self._withdraw_discovery(self._data)
        hub_id = async_new_hub_id(self.hass, self._data)
        await self.async_set_unique_id(hub_id, raise_on_progress=False)
        remember_found(self.hass, hub_id, found)
        title = self._title(self._data)
        return self.async_create_entry(title=title, data=self._data, options=options)

    def _title(self, data: Fields) -> str:
        """Return the title of an entry: with the port if another broker has the same host.

        That one then gets its port as well.
        """
        if data[CONF_HUB] == HubKind.HOME_ASSISTANT:
            return _HOME_ASSISTANT_TITLE
        namesakes = [
            entry
            for entry in self._async_current_entries(include_ignore=False)
            if entry.entry_id != self.context.get("entry_id")
            and entry.data.get(CONF_HOST) == data[CONF_HOST]
            and entry.data[CONF_PORT] != data[CONF_PORT]
        ]
        for entry in namesakes:
            if entry.title == entry.data[CONF_HOST]:
                self.hass.config_entries.async_update_entry(entry, title=_with_port(entry.data))
        return _with_port(data) if namesakes else str(data[CONF_HOST])


def _with_port(data: Fields) -> str:
    return f"{data[CONF_HOST]}:{data[CONF_PORT]}"


def _is_own_title(title: str, data: Fields) -> bool:
    """Whether the user has changed the title of an entry."""
    if data[CONF_HUB] == HubKind.HOME_ASSISTANT:
        return title != _HOME_ASSISTANT_TITLE
    return title not in (data[CONF_HOST], _with_port(data))
