"""The actions that start, stop, limit and balance charging."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from math import isfinite
from typing import Final

from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.util import dt as dt_util
import probatio

from ..chargepoint import TakesCards, distribute
from ..chargepoint.errors import InvalidRequestError
from ..chargepoint.model import Feature
from ..const import DOMAIN
from ..coordinator import ChargepointCoordinator
from .action import Action, Answer, AnyAction, Data, moment

ATTR_CARD: Final = "card"
ATTR_CURRENT: Final = "current"
ATTR_DURATION: Final = "duration"
ATTR_ENERGY: Final = "energy"
ATTR_MODE: Final = "mode"
ATTR_UNTIL: Final = "until"
ATTR_LIMIT: Final = "limit"
ATTR_CURRENTS: Final = "currents"
ATTR_POWER: Final = "power"
ATTR_PHASES: Final = "phases"
ATTR_VOLTAGE: Final = "voltage"
ATTR_SHARE: Final = "share"
ATTR_SAFE_CURRENT: Final = "safe_current"
_DECISION: Final = "decision"

#: The longest time for which a limit can be set: a date far in the future cannot be written.
_DURATION_MAX: Final = timedelta(days=366)


def _next(value: object) -> datetime:
    """Return when it is a time of day next, or a date and time, in UTC."""
    try:
        time = cv.time(value)
    except probatio.Invalid:
        return moment(value)
    now = dt_util.now()
    at = now.replace(
        hour=time.hour, minute=time.minute, second=time.second, microsecond=time.microsecond, fold=0
    )
    # When daylight saving ends, a time comes twice.
    candidates = map(dt_util.as_utc, (at, at.replace(fold=1), at + timedelta(days=1)))
    return next(each for each in candidates if each > now)


def _check_limit(coordinator: ChargepointCoordinator, data: Data) -> None:
    limit = coordinator.node.limits.temporary.feature
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


def _mode(coordinator: ChargepointCoordinator, word: str) -> str:
    """Return the mode that is meant by its key or by its name in the language of the system."""
    hass, meant = coordinator.hass, word.strip().casefold()
    texts = async_get_cached_translations(hass, hass.config.language, "entity", DOMAIN)
    for mode in coordinator.data.capabilities.options.get(Feature.CHARGING_MODE, ()):
        key = f"component.{DOMAIN}.entity.select.charging_mode.state.{mode}"
        if meant in (mode.casefold(), texts.get(key, mode).casefold()):
            return mode
    return word


def _check_start(coordinator: ChargepointCoordinator, data: Data) -> None:
    chargepoint = coordinator.node
    chargepoint.checked(Feature.CHARGING, value=True)
    if ATTR_CARD in data:
        _card_taker(coordinator).check_card(data[ATTR_CARD])
    if ATTR_MODE in data:
        chargepoint.checked(Feature.CHARGING_MODE, _mode(coordinator, data[ATTR_MODE]))
    if ATTR_CURRENT in data:
        _check_limit(coordinator, data)
    chargepoint.limits.plan.check(data.get(ATTR_ENERGY), data.get(ATTR_UNTIL))


async def _start(coordinator: ChargepointCoordinator, data: Data) -> Answer:
    """Limit the current before it flows, and choose the mode before it is sent."""
    chargepoint, limit = coordinator.node, coordinator.node.limits.temporary.feature
    current = data.get(ATTR_CURRENT)
    if current is not None:
        current = chargepoint.checked(limit, current)
        await chargepoint.set(limit, current)
    if ATTR_MODE in data:
        await chargepoint.set_charging_mode(_mode(coordinator, data[ATTR_MODE]))
    begin = chargepoint.start_charging
    if ATTR_CARD in data:
        begin = partial(_card_taker(coordinator).start_with_card, data[ATTR_CARD])
    storage = coordinator.config_entry.runtime_data.storage
    await chargepoint.limits.plan.start(
        data.get(ATTR_ENERGY), data.get(ATTR_UNTIL), storage.state.async_save, begin
    )
    if current is not None and getattr(chargepoint.snapshot, limit) != current:
        # The mode has brought a limit of its own.
        await chargepoint.set(limit, current)
    snapshot = chargepoint.snapshot
    answer: Answer = {"status": snapshot.status, ATTR_MODE: snapshot.charging_mode}
    if current is not None:
        answer |= {"limit": limit, ATTR_CURRENT: getattr(snapshot, limit)}
    answer |= {name: data[name] for name in (ATTR_ENERGY, ATTR_UNTIL) if name in data}
    return answer


async def _stop(coordinator: ChargepointCoordinator, _: Data) -> Answer:
    await coordinator.node.limits.plan.stop()
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


def _measured(value: object) -> float | None:
    """Return a measured value, None if its sensor is unavailable."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except TypeError, ValueError:
        return None
    return number if isfinite(number) else None


def _balance(coordinators: Sequence[ChargepointCoordinator], data: Data) -> Sequence[Data]:
    """Return the action's data with the decision about each charge point."""
    measured: list[float | None] = data.get(ATTR_CURRENTS) or [None] * data[ATTR_PHASES]
    if (power := data.get(ATTR_POWER)) is not None:
        measured = [power / data[ATTR_VOLTAGE] / data[ATTR_PHASES]] * data[ATTR_PHASES]
    known = [current for current in measured if current is not None]
    decisions = distribute(
        [each.node.limits.balanced for each in coordinators],
        [data[ATTR_LIMIT]] * len(measured),
        known if len(known) == len(measured) else None,
        share=data[ATTR_SHARE],
        safe_current=data[ATTR_SAFE_CURRENT],
    )
    return [{**data, _DECISION: each} for each in decisions]


async def _apply(coordinator: ChargepointCoordinator, data: Data) -> Answer:
    """Send it, and return at once: the next decision must not wait for a slow charge point."""
    decision = data[_DECISION]
    coordinator.node.limits.balanced.apply(decision)
    return {
        "state": decision.state,
        "limit": decision.feature,
        "former": decision.former,
        "current": decision.current,
    }


CHARGING_ACTIONS: Final[dict[str, AnyAction]] = {
    "start_charging": Action(
        fields={
            probatio.Optional(ATTR_MODE): cv.string,
            probatio.Optional(ATTR_CURRENT): cv.positive_float,
            probatio.Optional(ATTR_CARD): cv.string,
            probatio.Optional(ATTR_ENERGY): probatio.All(
                probatio.Coerce(float), probatio.Range(min=0.1, max=1000)
            ),
            probatio.Optional(ATTR_UNTIL): _next,
        },
        check=_check_start,
        run=_start,
    ),
    # Also for one that is unavailable: the stop is tried, and its outcome is reported. Without a
    # check, the others are stopped even if one of them cannot be.
    "stop_charging": Action(fields={}, run=_stop, live=False),
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
    "balance_load": Action(
        fields={
            probatio.Required(ATTR_LIMIT): probatio.All(
                probatio.Coerce(float), probatio.Range(min=1, max=1000)
            ),
            probatio.Exclusive(ATTR_CURRENTS, "measured"): probatio.All(
                cv.ensure_list, [_measured], probatio.Length(min=1, max=3)
            ),
            probatio.Exclusive(ATTR_POWER, "measured"): _measured,
            probatio.Optional(ATTR_PHASES, default=3): probatio.All(
                probatio.Coerce(int), probatio.Range(min=1, max=3)
            ),
            probatio.Optional(ATTR_VOLTAGE, default=230): probatio.All(
                probatio.Coerce(float), probatio.Range(min=100, max=250)
            ),
            probatio.Optional(ATTR_SHARE, default="equal"): probatio.In(("equal", "order")),
            probatio.Optional(ATTR_SAFE_CURRENT, default=6): cv.positive_float,
        },
        prepare=_balance,
        run=_apply,
        # One that is away, or cannot be limited, must not keep the others from being limited.
        live=False,
        absent={"state": "unavailable", "limit": None, "former": None, "current": None},
    ),
}
