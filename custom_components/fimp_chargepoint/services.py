"""The actions of the integration: what charge points can do that no entity offers.

Each is a row of a table. The target of an action are charge points, however they are chosen;
nothing is sent if the action is impossible for one of them.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonValueType

from .actions.action import Answer, AnyAction, Data
from .actions.authorization import AUTHORIZATION_ACTIONS
from .actions.charging import CHARGING_ACTIONS
from .actions.ocpp import OCPP_ACTIONS
from .actions.sessions import SESSION_ACTIONS
from .actions.smart_charging import SMART_CHARGING_ACTIONS
from .actions.targets import async_targets
from .const import DOMAIN
from .coordinator import AnyCoordinator
from .entity import async_message, translated_errors

ACTIONS: Final[dict[str, AnyAction]] = {
    **CHARGING_ACTIONS,
    **SESSION_ACTIONS,
    **AUTHORIZATION_ACTIONS,
    **SMART_CHARGING_ACTIONS,
    **OCPP_ACTIONS,
}


@callback
def async_setup_actions(hass: HomeAssistant) -> None:
    """Register all actions, for as long as Home Assistant runs."""
    for name, action in ACTIONS.items():
        hass.services.async_register(
            DOMAIN,
            name,
            partial(_handle, hass, action),
            schema=cv.make_entity_service_schema(action.fields),
            supports_response=action.response,
        )


async def _handle(hass: HomeAssistant, action: AnyAction, call: ServiceCall) -> ServiceResponse:
    """Run an action on all nodes of the target at the same time."""
    targets = await async_targets(hass, call, action.kind, live=action.live)
    names = targets.absent | {each: node.device_name for each, node in targets.nodes.items()}
    for device_id, coordinator in targets.nodes.items():
        if action.live and not coordinator.data.available:
            raise _unavailable(names[device_id])
        with translated_errors(coordinator):
            action.check(coordinator, call.data)

    async def run(coordinator: AnyCoordinator, data: Data) -> Answer:
        with translated_errors(coordinator):
            return await action.run(coordinator, data)

    # One that fails takes none of the others back.
    coordinators = tuple(targets.nodes.values())
    prepared = action.prepare(coordinators, call.data)
    runs = map(run, coordinators, prepared, strict=True)
    results = await asyncio.gather(*runs, return_exceptions=True)
    absent = [action.absent or _unavailable(name) for name in targets.absent.values()]
    answers: list[JsonValueType] = []
    failures: dict[str, HomeAssistantError] = {}
    for device_id, result in zip(
        (*targets.nodes, *targets.absent), (*results, *absent), strict=True
    ):
        if isinstance(result, HomeAssistantError):
            failures[device_id] = result
        elif isinstance(result, BaseException):
            raise result
        else:
            answers.append({"device_id": device_id, "name": names[device_id], **result})
    if failures:
        _raise(hass, failures, names)
    return {action.answers: answers}


def _unavailable(name: str) -> HomeAssistantError:
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="unavailable_target",
        translation_placeholders={"name": name},
    )


def _raise(
    hass: HomeAssistant, failures: Mapping[str, HomeAssistantError], names: Mapping[str, str]
) -> None:
    """Raise the error, or all errors with the names of the charge points if there are several."""
    if len(names) == 1:
        raise next(iter(failures.values()))
    raise HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="some_failed",
        translation_placeholders={
            "failures": "; ".join(
                text if name in text else f"{name}: {text}"
                for key, error in failures.items()
                for name, text in [(names[key], async_message(hass, error))]
            )
        },
    )
