"""Sensors of the kept sessions: the last one, and the costs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription
from homeassistant.const import UnitOfTime

from ..chargepoint import Capabilities
from ..chargepoint.model import Feature
from ..chargepoint.sessions import EndReason, SessionRecord
from ..entity import NodeDescription, reports
from ..sessions import Money, SessionRecorder
from .charge_point import MOMENT, Quantity, SensorValue, Total
from .meter import COST, COUNTER, ENERGY

type _Value = SensorValue | Total

_HAS_SESSIONS = reports(Feature.SESSION_ENERGY)


@dataclass(frozen=True, kw_only=True)
class SessionsSensorDescription(NodeDescription, SensorEntityDescription):
    """A value of the kept sessions."""

    exists_fn: Callable[[Capabilities], bool] = _HAS_SESSIONS
    value_fn: Callable[[SessionRecorder], _Value]


def _of_last(value_fn: Callable[[SessionRecord], _Value]) -> Callable[[SessionRecorder], _Value]:
    """Return a function that reads a value of the last session, None if there was none."""
    return lambda recorder: (
        None if recorder.last_session is None else value_fn(recorder.last_session)
    )


def _amount(money: Money, since: datetime | None = None) -> Total:
    """Return an amount of money, and since when it counts if it starts over."""
    amount = None if money.amount is None else round(money.amount, 4)
    return Total(amount, since, money.currency)


def _sensor(
    key: str,
    quantity: Quantity,
    value_fn: Callable[[SessionRecorder], _Value],
    exists_fn: Callable[[Capabilities], bool] = _HAS_SESSIONS,
) -> SessionsSensorDescription:
    return SessionsSensorDescription(
        key=key,
        translation_key=key,
        device_class=quantity.device_class,
        native_unit_of_measurement=quantity.unit,
        suggested_display_precision=quantity.digits,
        state_class=quantity.state_class,
        exists_fn=exists_fn,
        value_fn=value_fn,
    )


LAST_SESSION_SENSORS = (
    _sensor("last_session_energy", ENERGY, _of_last(lambda record: record.energy)),
    SessionsSensorDescription(
        key="last_session_duration",
        translation_key="last_session_duration",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_unit_of_measurement=UnitOfTime.HOURS,
        # Shown in hours and minutes: with fewer digits, the minutes would be wrong.
        suggested_display_precision=4,
        value_fn=_of_last(lambda record: record.duration),
    ),
    _sensor("last_session_ended", MOMENT, _of_last(lambda record: record.ended)),
    SessionsSensorDescription(
        key="last_session_ended_by",
        translation_key="last_session_ended_by",
        device_class=SensorDeviceClass.ENUM,
        options=[*EndReason],
        exists_fn=reports(Feature.END_REASON),
        value_fn=_of_last(lambda record: record.ended_by),
    ),
)

ENERGY_SENSORS = (
    _sensor(
        "computed_energy",
        COUNTER,
        lambda recorder: round(recorder.tracker.energy, 3),
        reports(Feature.COMPUTED_ENERGY),
    ),
)

PRICED_SENSORS = (
    _sensor(
        "session_cost",
        COST,
        lambda recorder: _amount(recorder.session_cost, recorder.session_since),
    ),
    _sensor("total_cost", COST, lambda recorder: _amount(recorder.total_cost)),
    _sensor(
        "last_session_cost",
        COST._replace(state_class=None),
        _of_last(lambda record: _amount(Money(record.cost, record.currency))),
    ),
)
