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
from ..const import CONF_MODULES, UserInput
from ..coordinator import FimpConfigEntry
from .options import OPTIONS_SCHEMA, entry_options, suggested_options
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
                self._modules = dict(self.config_entry.options.get(CONF_MODULES, {}))
                self._open = self._choices()
                return await self.async_step_modules()
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                OPTIONS_SCHEMA, user_input or suggested_options(self.config_entry.options)
            ),
            errors=errors,
            description_placeholders={"currency": self.hass.config.currency},
        )

    async def async_step_modules(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Ask which modules belong to a charge point, then to the next one."""
        if user_input is not None:
            asked = self._open.pop(0)
            # An empty field is a choice as well.
            self._modules[asked[0].address] = {
                each.kind: user_input.get(each.kind, "") for each in asked
            }
        if not self._open:
            modules = {CONF_MODULES: self._modules} if self._modules else {}
            return self.async_create_entry(data=self._options | modules)
        asked = self._open[0]
        first = asked[0]
        return self.async_show_form(
            step_id="modules",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema({probatio.Optional(each.kind): _selector(each) for each in asked}),
                self._modules.get(first.address, {}),
            ),
            description_placeholders={
                "name": first.name,
                "address": first.address.partition(":")[2],
            },
            last_step=len(self._open) == 1,
        )

    def _choices(self) -> list[list[ModuleChoice]]:
        """Return what must be assigned, grouped by charge point."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return []
        found: dict[str, list[ModuleChoice]] = {}
        for each in self.config_entry.runtime_data.hub.module_choices:
            found.setdefault(each.address, []).append(each)
        return list(found.values())


def _selector(choice: ModuleChoice) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(options=list(choice.modules), mode=SelectSelectorMode.DROPDOWN)
    )
