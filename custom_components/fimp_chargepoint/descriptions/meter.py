"""The sensors of meters, and of the cost that the charge point itself reports."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfFrequency,
    UnitOfPower,
)

from ..chargepoint import GridSnapshot
from ..chargepoint.model import ChargepointSnapshot, Cost, Feature
from ..entity import controls, reports
from .charge_point import (
    TEMPERATURE,
    ChargepointSensorDescription,
    NodeSensorDescription,
    Quantity,
    Total,
    measurement,
)

ATTR_STATUS = "status"
ATTR_PARTS = "parts"
ATTR_PRICES = "prices"


POWER: Final = Quantity(SensorDeviceClass.POWER, UnitOfPower.WATT, 0)
CURRENT: Final = Quantity(SensorDeviceClass.CURRENT, UnitOfElectricCurrent.AMPERE, 0)
VOLTAGE: Final = Quantity(SensorDeviceClass.VOLTAGE, UnitOfElectricPotential.VOLT, 0)
_COUNTER: Final = Quantity(
    SensorDeviceClass.ENERGY,
    UnitOfEnergy.KILO_WATT_HOUR,
    2,
    SensorStateClass.TOTAL_INCREASING,
)
_FREQUENCY: Final = Quantity(SensorDeviceClass.FREQUENCY, UnitOfFrequency.HERTZ, 1)
_POWER_FACTOR: Final = Quantity(SensorDeviceClass.POWER_FACTOR, digits=2)

METER_SENSORS = (
    measurement(
        Feature.POWER,
        POWER,
        lambda snapshot: snapshot.meter.power,
        is_named=False,
        is_enabled=True,
    ),
    measurement(
        Feature.ENERGY,
        _COUNTER,
        lambda snapshot: snapshot.meter.energy,
        key="lifetime_energy",
        is_enabled=True,
    ),
    measurement(
        Feature.OFFERED_CURRENT,
        CURRENT,
        lambda snapshot: snapshot.meter.offered_current,
        is_enabled=True,
    ),
    measurement(Feature.POWER_L1, POWER, lambda snapshot: snapshot.meter.power_l1),
    measurement(Feature.POWER_L2, POWER, lambda snapshot: snapshot.meter.power_l2),
    measurement(Feature.POWER_L3, POWER, lambda snapshot: snapshot.meter.power_l3),
    measurement(Feature.CURRENT_L1, CURRENT, lambda snapshot: snapshot.meter.current_l1),
    measurement(Feature.CURRENT_L2, CURRENT, lambda snapshot: snapshot.meter.current_l2),
    measurement(Feature.CURRENT_L3, CURRENT, lambda snapshot: snapshot.meter.current_l3),
    measurement(Feature.VOLTAGE_L1, VOLTAGE, lambda snapshot: snapshot.meter.voltage_l1),
    measurement(Feature.VOLTAGE_L2, VOLTAGE, lambda snapshot: snapshot.meter.voltage_l2),
    measurement(Feature.VOLTAGE_L3, VOLTAGE, lambda snapshot: snapshot.meter.voltage_l3),
    measurement(Feature.POWER_EXPORT, POWER, lambda snapshot: snapshot.meter.power_export),
    measurement(Feature.ENERGY_EXPORT, _COUNTER, lambda snapshot: snapshot.meter.energy_export),
    measurement(Feature.CURRENT, CURRENT, lambda snapshot: snapshot.meter.current, is_named=False),
    measurement(Feature.VOLTAGE, VOLTAGE, lambda snapshot: snapshot.meter.voltage, is_named=False),
    measurement(
        Feature.FREQUENCY, _FREQUENCY, lambda snapshot: snapshot.meter.frequency, is_named=False
    ),
    measurement(
        Feature.TEMPERATURE,
        TEMPERATURE,
        lambda snapshot: snapshot.meter.temperature,
        is_named=False,
    ),
    measurement(
        Feature.POWER_FACTOR,
        _POWER_FACTOR,
        lambda snapshot: snapshot.meter.power_factor,
        is_named=False,
    ),
)


def _session_energy(snapshot: ChargepointSnapshot) -> Total:
    """Return the energy of a session whose start is known.

    Without its start a drop would be booked as energy that was given back.
    """
    since = snapshot.session.started
    return Total(None if since is None else snapshot.meter.session_energy, since)


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
        measured=True,
    ),
    ChargepointSensorDescription(
        key="energy_target",
        translation_key="energy_target",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=lambda known: (
            Feature.SESSION_ENERGY in known.reports and Feature.CHARGING in known.controls
        ),
        value_fn=lambda snapshot: snapshot.requested.energy_target,
    ),
    ChargepointSensorDescription(
        key="charging_ends",
        translation_key="charging_ends",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=controls(Feature.CHARGING),
        value_fn=lambda snapshot: snapshot.requested.charging_ends,
    ),
)


def _charged_cost(snapshot: ChargepointSnapshot) -> Total:
    """Return the cost of a session whose start is known, in a currency that is."""
    cost, since = snapshot.charged or Cost(), snapshot.session.started
    return Total(
        cost.total if cost.currency and since is not None else None,
        since,
        cost.currency,
        {
            ATTR_STATUS: cost.status,
            ATTR_PARTS: dict(cost.parts),
            ATTR_PRICES: dict(cost.prices),
        },
    )


COST_SENSORS = (
    ChargepointSensorDescription(
        key="station_cost",
        translation_key="station_cost",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        exists_fn=reports(Feature.STATION_COST),
        value_fn=_charged_cost,
        measured=True,
    ),
)


# The grid connection: the load of the building, and its limits. -----------------------


@dataclass(frozen=True, kw_only=True)
class GridSensorDescription(NodeSensorDescription[GridSnapshot]):
    """A current of a grid connection, in A."""


def _current(
    key: str,
    feature: Feature,
    value_fn: Callable[[GridSnapshot], float | None],
    *,
    is_limit: bool = False,
) -> GridSensorDescription:
    return GridSensorDescription(
        key=key,
        translation_key=key,
        device_class=CURRENT.device_class,
        state_class=None if is_limit else SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=CURRENT.unit,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC if is_limit else None,
        exists_fn=reports(feature),
        value_fn=value_fn,
        measured=not is_limit,
    )


GRID_SENSORS = (
    _current("load_l1", Feature.CURRENT_L1, lambda snapshot: snapshot.meter.current_l1),
    _current("load_l2", Feature.CURRENT_L2, lambda snapshot: snapshot.meter.current_l2),
    _current("load_l3", Feature.CURRENT_L3, lambda snapshot: snapshot.meter.current_l3),
    _current("average_load", Feature.CURRENT, lambda snapshot: snapshot.meter.current),
    _current("highest_load", Feature.HIGHEST_CURRENT, lambda snapshot: snapshot.highest_current),
    _current(
        "installed_current",
        Feature.INSTALLED_CURRENT,
        lambda snapshot: snapshot.installed_current,
        is_limit=True,
    ),
    _current(
        "reserved_current",
        Feature.RESERVED_CURRENT,
        lambda snapshot: snapshot.reserved_current,
        is_limit=True,
    ),
)
