"""The options flow: the options, and which EVerest modules belong together."""

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigFlowResult,
    OptionsFlowWithReload,
)
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from ..chargepoint import ModuleChoice
from ..const import CONF_HUB, CONF_MODULES, HubKind, UserInput
from ..coordinator import FimpConfigEntry
from .options import OPTIONS_SCHEMA, account_schema, entry_options, suggested_options
from .schemas import FormError


class FimpOptionsFlow(OptionsFlowWithReload):
    """The options, and a page for each charge point whose modules must be assigned."""

    config_entry: FimpConfigEntry

    def __init__(self) -> None:
        """Begin with nothing filled in."""
        self._options: dict[str, object] = {}
        self._modules: dict[str, dict[str, str]] = {}
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
                return await self.async_step_modules()
        is_account = self.config_entry.data[CONF_HUB] == HubKind.BLUE_CURRENT
        schema = account_schema(OPTIONS_SCHEMA) if is_account else OPTIONS_SCHEMA
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or suggested_options(self.config_entry.options)
            ),
            errors=errors,
            description_placeholders={"currency": self.hass.config.currency},
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
                probatio.Schema({probatio.Optional(each.kind): _selector(each) for each in asked}),
                {
                    each.kind: former[each.kind]
                    for each in asked
                    if former.get(each.kind) in ("", *each.modules)
                },
            ),
            description_placeholders={
                "name": first.name,
                "address": first.address.partition(":")[2],
            },
            last_step=len(self._open) == 1,
        )

    def _choices(self) -> tuple[list[list[ModuleChoice]], frozenset[str]]:
        """Return what must be assigned, grouped by charge point, and which of those are gone."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return [], frozenset()
        hub = self.config_entry.runtime_data.hub
        found: dict[str, list[ModuleChoice]] = {}
        for each in hub.module_choices:
            found.setdefault(each.address, []).append(each)
        return list(found.values()), hub.gone


def _selector(choice: ModuleChoice) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(options=list(choice.modules), mode=SelectSelectorMode.DROPDOWN)
    )
