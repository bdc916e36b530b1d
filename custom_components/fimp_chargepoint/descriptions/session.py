"""What the sensors show of sessions as they are kept: the last one, and what they cost."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import UnitOfEnergy, UnitOfTime

from ..chargepoint.model import Feature
from ..chargepoint.sessions import EndReason, SessionRecord
from ..entity import NodeDescription, reports
from ..sessions import Money, SessionRecorder
from .charge_point import SensorValue, Total


@dataclass(frozen=True, kw_only=True)
class SessionsSensorDescription(NodeDescription, SensorEntityDescription):
    """A value of the sessions as they are kept."""

    value_fn: Callable[[SessionRecorder], SensorValue | Total]


def _of_last(
    value_fn: Callable[[SessionRecord], SensorValue | Total],
) -> Callable[[SessionRecorder], SensorValue | Total]:
    """Return what reads a value of the last session, None where there was none."""
    return lambda recorder: (
        None if recorder.last_session is None else value_fn(recorder.last_session)
    )


LAST_SESSION_SENSORS = (
    SessionsSensorDescription(
        key="last_session_energy",
        translation_key="last_session_energy",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=_of_last(lambda record: record.energy),
    ),
    SessionsSensorDescription(
        key="last_session_duration",
        translation_key="last_session_duration",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_unit_of_measurement=UnitOfTime.HOURS,
        suggested_display_precision=1,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=_of_last(lambda record: record.duration),
    ),
    SessionsSensorDescription(
        key="last_session_ended",
        translation_key="last_session_ended",
        device_class=SensorDeviceClass.TIMESTAMP,
        exists_fn=reports(Feature.SESSION_ENERGY),
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


def _amount(money: Money, since: datetime | None = None) -> Total:
    """Return an amount of money, since when it counts where it starts over."""
    amount = None if money.amount is None else round(money.amount, 4)
    return Total(amount, since, money.currency)


PRICED_SENSORS = (
    SessionsSensorDescription(
        key="session_cost",
        translation_key="session_cost",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=lambda recorder: _amount(recorder.session_cost, recorder.session_since),
    ),
    SessionsSensorDescription(
        key="total_cost",
        translation_key="total_cost",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=lambda recorder: _amount(recorder.total_cost),
    ),
    SessionsSensorDescription(
        key="last_session_cost",
        translation_key="last_session_cost",
        device_class=SensorDeviceClass.MONETARY,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=_of_last(lambda record: _amount(Money(record.cost, record.currency))),
    ),
)
