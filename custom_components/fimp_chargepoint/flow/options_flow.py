"""The options flow: the options, safe currents, and which EVerest modules belong together."""

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlowWithReload
from homeassistant.helpers.selector import SelectOptionDict
import probatio

from ..chargepoint import Chargepoint, ModuleChoice, MqttHub
from ..chargepoint.model import Feature
from ..const import (
    CONF_FAILSAFE,
    CONF_HUB,
    CONF_MODULES,
    CONF_SAFE_CURRENT,
    CONF_SAFE_CURRENTS,
    HubKind,
    UserInput,
)
from ..coordinator import FimpConfigEntry
from .options import (
    SAFE_CURRENT_SCHEMA,
    entry_options,
    options_schema,
    safe_currents,
    suggested_options,
)
from .schemas import FormError, choice, plain_text


class FimpOptionsFlow(OptionsFlowWithReload):
    """The options, and pages for single charge points: safe currents, modules to assign."""

    config_entry: FimpConfigEntry

    def __init__(self) -> None:
        """Begin with nothing filled in."""
        self._options: dict[str, object] = {}
        self._modules: dict[str, dict[str, str]] = {}
        self._safe_currents: dict[str, float] = {}
        #: The charge points whose safe current is still to be entered.
        self._unsafe: list[str] = []
        #: What is still to be chosen, for one charge point after the other.
        self._open: list[list[ModuleChoice]] = []

    async def async_step_init(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Show and save all options."""
        errors = {}
        if user_input is not None:
            try:
                self._options = entry_options(self.hass, user_input)
            except FormError as error:
                errors["base"] = error.key
            else:
                self._open, gone = self._choices()
                former = self.config_entry.options.get(CONF_MODULES, {})
                self._modules = {key: {**each} for key, each in former.items() if key not in gone}
                chosen = self._options.pop(CONF_FAILSAFE, None)
                self._unsafe = chosen if isinstance(chosen, list) else []
                return await self.async_step_safe_current()
        schema = options_schema(
            self.hass.config.currency,
            self._charge_points(),
            is_account=self.config_entry.data[CONF_HUB] == HubKind.BLUE_CURRENT,
        )
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or suggested_options(self.config_entry.options)
            ),
            errors=errors,
            description_placeholders={"currency": self.hass.config.currency},
        )

    async def async_step_safe_current(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Ask for the safe current of a charge point, then of the next one."""
        if user_input is not None:
            self._safe_currents[self._unsafe.pop(0)] = user_input[CONF_SAFE_CURRENT]
        if not self._unsafe:
            if self._safe_currents:
                self._options[CONF_SAFE_CURRENTS] = self._safe_currents
            return await self.async_step_modules()
        address = self._unsafe[0]
        known = safe_currents(self.config_entry.options).get(address)
        return self.async_show_form(
            step_id="safe_current",
            data_schema=self.add_suggested_values_to_schema(
                SAFE_CURRENT_SCHEMA, {} if known is None else {CONF_SAFE_CURRENT: known}
            ),
            description_placeholders=_named(self._name(address)),
            last_step=len(self._unsafe) == 1 and not self._open,
        )

    async def async_step_modules(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Ask which modules belong to a charge point, then to the next one."""
        if user_input is not None:
            asked = self._open.pop(0)
            chosen = self._modules.setdefault(asked[0].address, {})
            for each in asked:
                was_gone = chosen.pop(each.kind, "") not in ("", *each.modules)
                # An empty field is a choice as well, unless the former one could not be offered.
                if (module := user_input.get(each.kind)) or not was_gone:
                    chosen[each.kind] = module or ""
        if not self._open:
            modules = {CONF_MODULES: self._modules} if self._modules else {}
            return self.async_create_entry(data=self._options | modules)
        asked = self._open[0]
        first = asked[0]
        former = self._modules.get(first.address, {})
        return self.async_show_form(
            step_id="modules",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema(
                    {probatio.Optional(each.kind): choice(each.modules) for each in asked}
                ),
                {
                    each.kind: former[each.kind]
                    for each in asked
                    if former.get(each.kind) in ("", *each.modules)
                },
            ),
            description_placeholders=_named(first.name)
            | {"address": plain_text(first.address.partition(":")[2])},
            last_step=len(self._open) == 1,
        )

    def _charge_points(self) -> list[SelectOptionDict]:
        """Return the charge points that can have a failsafe, or have one."""
        found = dict.fromkeys(safe_currents(self.config_entry.options))
        is_loaded = self.config_entry.state is ConfigEntryState.LOADED
        if is_loaded and isinstance(hub := self.config_entry.runtime_data.hub, MqttHub):
            for address, node in hub.nodes.items():
                controls = node.snapshot.capabilities.controls
                if isinstance(node, Chargepoint) and Feature.MAX_CURRENT in controls:
                    found[address] = None
        return [SelectOptionDict(value=each, label=self._name(each)) for each in found]

    def _name(self, address: str) -> str:
        """Return what the user calls a charge point."""
        if self.config_entry.state is ConfigEntryState.LOADED:
            coordinator = self.config_entry.runtime_data.coordinators.get(address)
            if coordinator is not None:
                return coordinator.device_name
        return address

    def _choices(self) -> tuple[list[list[ModuleChoice]], frozenset[str]]:
        """Return what must be assigned, grouped by charge point, and which of those are gone."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return [], frozenset()
        choices, gone = self.config_entry.runtime_data.hub.module_choices
        found: dict[str, list[ModuleChoice]] = {}
        for each in choices:
            found.setdefault(each.address, []).append(each)
        return list(found.values()), gone


def _named(name: str) -> dict[str, str]:
    """Return the name of a charge point for a description, which is Markdown, and for a title."""
    return {"name": plain_text(name), "plain_name": name}
