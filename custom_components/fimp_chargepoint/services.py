"""The actions: what charge points can be told, or asked, that no entity offers.

Each is a row of a table. Its target are charge points, however they were chosen; one that is
impossible for any of them is refused before anything was sent.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonValueType
import probatio

from .actions.authorization import PERMISSION_ACTIONS
from .actions.ocpp import OCPP_ACTIONS
from .actions.registry import Action, Answer, AnyAction, Data
from .actions.sessions import SESSION_ACTIONS
from .actions.targets import async_name, async_targeted_nodes
from .actions.temporary_limits import DATA_TEMPORARY_LIMITS
from .chargepoint.model import Feature
from .const import DOMAIN
from .controls import settable_limit
from .coordinator import AnyCoordinator, ChargepointCoordinator
from .entity import translated_errors

ATTR_CURRENT = "current"
ATTR_DURATION = "duration"
ATTR_MODE = "mode"

#: The longest time that a limit can hold for a while; a date far off cannot be written.
_DURATION_MAX = timedelta(days=366)


def _check_limit(coordinator: ChargepointCoordinator, data: Data) -> None:
    limit = settable_limit(coordinator.data)
    coordinator.node.checked(limit, data[ATTR_CURRENT])
    limits = coordinator.hass.data[DATA_TEMPORARY_LIMITS]
    if data.get(ATTR_DURATION) and limits.former(coordinator, limit) is None:
        # There would be nothing to go back to.
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="former_limit_unknown"
        )


def _check_start(coordinator: ChargepointCoordinator, data: Data) -> None:
    chargepoint = coordinator.node
    chargepoint.checked(Feature.CHARGING, value=True)
    if ATTR_MODE in data:
        chargepoint.checked(Feature.CHARGING_MODE, data[ATTR_MODE])
    if ATTR_CURRENT in data:
        _check_limit(coordinator, data)


async def _start(coordinator: ChargepointCoordinator, data: Data) -> Answer:
    """Limit the current before it flows, and choose the mode before it is sent."""
    chargepoint, limit = coordinator.node, settable_limit(coordinator.data)
    current = data.get(ATTR_CURRENT)
    if current is not None:
        current = chargepoint.checked(limit, current)
        await chargepoint.set(limit, current)
    if ATTR_MODE in data:
        await chargepoint.set_charging_mode(data[ATTR_MODE])
    await chargepoint.start_charging()
    if current is not None and getattr(chargepoint.snapshot, limit) != current:
        # The mode has brought a limit of its own.
        await chargepoint.set(limit, current)
    snapshot = chargepoint.snapshot
    answer: Answer = {"status": snapshot.status, ATTR_MODE: snapshot.charging_mode}
    if current is not None:
        answer |= {"limit": limit, ATTR_CURRENT: getattr(snapshot, limit)}
    return answer


def _check_stop(coordinator: ChargepointCoordinator, _: Data) -> None:
    coordinator.node.checked(Feature.CHARGING, value=False)


async def _stop(coordinator: ChargepointCoordinator, _: Data) -> Answer:
    await coordinator.node.stop_charging()
    return {"status": coordinator.node.snapshot.status}


async def _limit(coordinator: ChargepointCoordinator, data: Data) -> Answer:
    limits = coordinator.hass.data[DATA_TEMPORARY_LIMITS]
    return await limits.async_set(coordinator, data[ATTR_CURRENT], data.get(ATTR_DURATION))


ACTIONS: dict[str, AnyAction] = {
    "start_charging": Action(
        fields={
            probatio.Optional(ATTR_MODE): cv.string,
            probatio.Optional(ATTR_CURRENT): cv.positive_float,
        },
        check=_check_start,
        run=_start,
    ),
    # Also of one that seems to be away: it is tried, and what comes of it is told.
    "stop_charging": Action(fields={}, check=_check_stop, run=_stop, live=False),
    "set_current_limit": Action(
        fields={
            probatio.Required(ATTR_CURRENT): cv.positive_float,
            probatio.Optional(ATTR_DURATION): probatio.All(
                cv.positive_time_period, probatio.Range(max=_DURATION_MAX)
            ),
        },
        check=_check_limit,
        run=_limit,
    ),
    **SESSION_ACTIONS,
    **PERMISSION_ACTIONS,
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
    """Let every charge point, or whatever it is, of the target do it, all at once."""
    targets = await async_targeted_nodes(hass, call, action.kind)
    names = {device_id: async_name(hass, device_id) for device_id in targets}
    for device_id, coordinator in targets.items():
        if action.live and not coordinator.data.available:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="unavailable_target",
                translation_placeholders={"name": names[device_id]},
            )
        with translated_errors():
            action.check(coordinator, call.data)

    async def run(coordinator: AnyCoordinator) -> Answer:
        with translated_errors():
            return await action.run(coordinator, call.data)

    # One that fails takes none of the others back.
    results = await asyncio.gather(*map(run, targets.values()), return_exceptions=True)
    answers: list[JsonValueType] = []
    failures: dict[str, HomeAssistantError] = {}
    for device_id, result in zip(targets, results, strict=True):
        if isinstance(result, HomeAssistantError):
            failures[device_id] = result
        elif isinstance(result, BaseException):
            raise result
        else:
            answers.append({"device_id": device_id, "name": names[device_id], **result})
    if failures:
        _raise(failures, names)
    return {action.answers: answers}


def _raise(failures: Mapping[str, HomeAssistantError], names: Mapping[str, str]) -> None:
    """Raise what went wrong, with the names of the charge points where there are several."""
    if len(names) == 1:
        raise next(iter(failures.values()))
    raise HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="some_failed",
        translation_placeholders={
            "failures": "; ".join(f"{names[key]}: {error}" for key, error in failures.items())
        },
    )
