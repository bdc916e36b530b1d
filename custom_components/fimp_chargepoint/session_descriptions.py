"""What the sensors of sessions show: of the one that goes on, the last one, what they cost."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import UnitOfEnergy, UnitOfTime
from homeassistant.helpers.typing import StateType

from .chargepoint.model import ChargepointSnapshot, Feature
from .chargepoint.record import Record
from .entity import NodeDescription, reports
from .sensor_descriptions import ChargepointSensorDescription
from .sessions import Keeper, Money


@dataclass(frozen=True, kw_only=True)
class LastSessionSensorDescription(NodeDescription, SensorEntityDescription):
    """A value of the last session that is over."""

    value_fn: Callable[[Record], StateType | datetime]


@dataclass(frozen=True, kw_only=True)
class PricedSensorDescription(NodeDescription, SensorEntityDescription):
    """An amount of money, its currency, and since when it counts."""

    money_fn: Callable[[Keeper], Money]
    last_reset_fn: Callable[[Keeper], datetime | None] = lambda _: None


def _session_energy(snapshot: ChargepointSnapshot) -> float | None:
    """Return the energy of a session whose start is known.

    Without its start a drop would be booked as energy that was given back.
    """
    return None if snapshot.session.started is None else snapshot.meter.session_energy


SESSION_SENSORS = (
    ChargepointSensorDescription(
        key="session_energy",
        translation_key="session_energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=_session_energy,
        last_reset_fn=lambda snapshot: snapshot.session.started,
    ),
)


LAST_SESSION_SENSORS = (
    LastSessionSensorDescription(
        key="last_session_energy",
        translation_key="last_session_energy",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=lambda record: record.energy,
    ),
    LastSessionSensorDescription(
        key="last_session_duration",
        translation_key="last_session_duration",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_unit_of_measurement=UnitOfTime.HOURS,
        suggested_display_precision=1,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=lambda record: record.duration,
    ),
    LastSessionSensorDescription(
        key="last_session_ended",
        translation_key="last_session_ended",
        device_class=SensorDeviceClass.TIMESTAMP,
        exists_fn=reports(Feature.SESSION_ENERGY),
        value_fn=lambda record: record.ended,
    ),
)


def _last_cost(keeper: Keeper) -> Money:
    record = keeper.last_session
    return Money(None) if record is None else Money(record.cost, record.currency)


PRICED_SENSORS = (
    PricedSensorDescription(
        key="session_cost",
        translation_key="session_cost",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        money_fn=lambda keeper: keeper.session_cost,
        last_reset_fn=lambda keeper: keeper.session_since,
    ),
    PricedSensorDescription(
        key="total_cost",
        translation_key="total_cost",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        money_fn=lambda keeper: keeper.total_cost,
    ),
    PricedSensorDescription(
        key="last_session_cost",
        translation_key="last_session_cost",
        device_class=SensorDeviceClass.MONETARY,
        suggested_display_precision=2,
        exists_fn=reports(Feature.SESSION_ENERGY),
        money_fn=_last_cost,
    ),
)
