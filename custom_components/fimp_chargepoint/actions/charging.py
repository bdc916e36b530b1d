"""The actions that start, stop and limit charging."""

from datetime import timedelta
from typing import Final

from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
import probatio

from ..chargepoint import TakesCards, settable_limit
from ..chargepoint.errors import InvalidRequestError
from ..chargepoint.model import Feature
from ..const import DOMAIN
from ..coordinator import ChargepointCoordinator
from .action import Action, Answer, AnyAction, Data

ATTR_CARD: Final = "card"
ATTR_CURRENT: Final = "current"
ATTR_DURATION: Final = "duration"
ATTR_MODE: Final = "mode"

#: The longest time for which a limit can be set: a date far in the future cannot be written.
_DURATION_MAX: Final = timedelta(days=366)


def _check_limit(coordinator: ChargepointCoordinator, data: Data) -> None:
    limit = settable_limit(coordinator.data)
    coordinator.node.checked(limit, data[ATTR_CURRENT])
    if data.get(ATTR_DURATION) and coordinator.node.limits.temporary.former(limit) is None:
        # There would be nothing to go back to.
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="former_limit_unknown"
        )


def _card_taker(coordinator: ChargepointCoordinator) -> TakesCards:
    if isinstance(coordinator.node, TakesCards):
        return coordinator.node
    raise InvalidRequestError("no_cards")


def _check_start(coordinator: ChargepointCoordinator, data: Data) -> None:
    chargepoint = coordinator.node
    chargepoint.checked(Feature.CHARGING, value=True)
    if ATTR_CARD in data:
        _card_taker(coordinator).check_card(data[ATTR_CARD])
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
    if ATTR_CARD in data:
        await _card_taker(coordinator).start_with_card(data[ATTR_CARD])
    else:
        await chargepoint.start_charging()
    if current is not None and getattr(chargepoint.snapshot, limit) != current:
        # The mode has brought a limit of its own.
        await chargepoint.set(limit, current)
    snapshot = chargepoint.snapshot
    answer: Answer = {"status": snapshot.status, ATTR_MODE: snapshot.charging_mode}
    if current is not None:
        answer |= {"limit": limit, ATTR_CURRENT: getattr(snapshot, limit)}
    return answer


def _check_stop(_: ChargepointCoordinator, __: Data) -> None:
    """Let nothing that one charge point cannot do keep a stop from the others."""


async def _stop(coordinator: ChargepointCoordinator, _: Data) -> Answer:
    await coordinator.node.stop_charging()
    return {"status": coordinator.node.snapshot.status}


async def _limit(coordinator: ChargepointCoordinator, data: Data) -> Answer:
    storage = coordinator.config_entry.runtime_data.storage
    change = await coordinator.node.limits.temporary.set(
        data[ATTR_CURRENT], data.get(ATTR_DURATION), storage.state.async_save
    )
    until = None if change.temporary is None else change.temporary.until.isoformat()
    return {
        "limit": change.feature,
        ATTR_CURRENT: change.current,
        "former": change.former.current,
        "former_mode": change.former.mode,
        "until": until,
    }


CHARGING_ACTIONS: Final[dict[str, AnyAction]] = {
    "start_charging": Action(
        fields={
            probatio.Optional(ATTR_MODE): cv.string,
            probatio.Optional(ATTR_CURRENT): cv.positive_float,
            probatio.Optional(ATTR_CARD): cv.string,
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
}
