"""Sensors of the kept sessions: the last one, and the costs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import UnitOfEnergy, UnitOfTime

from ..chargepoint import Capabilities
from ..chargepoint.model import Feature
from ..chargepoint.sessions import EndReason, SessionRecord
from ..entity import NodeDescription, reports
from ..sessions import Money, SessionRecorder
from .charge_point import SensorValue, Total

type _Value = SensorValue | Total

_HAS_SESSIONS = reports(Feature.SESSION_ENERGY)


@dataclass(frozen=True, kw_only=True)
class SessionsSensorDescription(NodeDescription, SensorEntityDescription):
    """A value of the kept sessions."""

    exists_fn: Callable[[Capabilities], bool] = _HAS_SESSIONS
    value_fn: Callable[[SessionRecorder], _Value]


@dataclass(frozen=True, kw_only=True)
class _CostDescription(SessionsSensorDescription):
    device_class: SensorDeviceClass | None = SensorDeviceClass.MONETARY
    suggested_display_precision: int | None = 2


def _of_last(value_fn: Callable[[SessionRecord], _Value]) -> Callable[[SessionRecorder], _Value]:
    """Return a function that reads a value of the last session, None if there was none."""
    return lambda recorder: (
        None if recorder.last_session is None else value_fn(recorder.last_session)
    )


def _amount(money: Money, since: datetime | None = None) -> Total:
    """Return an amount of money, and since when it counts if it starts over."""
    amount = None if money.amount is None else round(money.amount, 4)
    return Total(amount, since, money.currency)


LAST_SESSION_SENSORS = (
    SessionsSensorDescription(
        key="last_session_energy",
        translation_key="last_session_energy",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        value_fn=_of_last(lambda record: record.energy),
    ),
    SessionsSensorDescription(
        key="last_session_duration",
        translation_key="last_session_duration",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_unit_of_measurement=UnitOfTime.HOURS,
        # Shown in hours and minutes: with fewer digits, the minutes would be wrong.
        suggested_display_precision=4,
        # Less than a minute would be shown as 0 h.
        value_fn=_of_last(lambda record: record.duration and max(record.duration, 60)),
    ),
    SessionsSensorDescription(
        key="last_session_ended",
        translation_key="last_session_ended",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_of_last(lambda record: record.ended),
    ),
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
    SessionsSensorDescription(
        key="computed_energy",
        translation_key="computed_energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        exists_fn=reports(Feature.COMPUTED_ENERGY),
        value_fn=lambda recorder: round(recorder.energy, 3),
    ),
)

PRICED_SENSORS = (
    _CostDescription(
        key="session_cost",
        translation_key="session_cost",
        state_class=SensorStateClass.TOTAL,
        value_fn=lambda recorder: _amount(recorder.session_cost, recorder.session_since),
    ),
    _CostDescription(
        key="total_cost",
        translation_key="total_cost",
        state_class=SensorStateClass.TOTAL,
        value_fn=lambda recorder: _amount(recorder.total_cost),
    ),
    _CostDescription(
        key="last_session_cost",
        translation_key="last_session_cost",
        value_fn=_of_last(lambda record: _amount(Money(record.cost, record.currency))),
    ),
)
