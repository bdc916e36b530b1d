"""The sensors of meters, and of the cost that the charge point itself reports."""

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
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
    CURRENT_LIMIT,
    DIAGNOSTIC,
    MOMENT,
    TEMPERATURE,
    NodeSensorDescription,
    Quantity,
    Total,
    fact,
    measurement,
    part_of,
    sensor,
)

ATTR_STATUS = "status"
ATTR_PARTS = "parts"
ATTR_PRICES = "prices"


POWER: Final = Quantity(SensorDeviceClass.POWER, UnitOfPower.WATT, 0)
CURRENT: Final = Quantity(SensorDeviceClass.CURRENT, UnitOfElectricCurrent.AMPERE, 0)
VOLTAGE: Final = Quantity(SensorDeviceClass.VOLTAGE, UnitOfElectricPotential.VOLT, 0)
#: An energy that is neither counted nor summed up.
ENERGY: Final = Quantity(SensorDeviceClass.ENERGY, UnitOfEnergy.KILO_WATT_HOUR, 2, None)
COUNTER: Final = ENERGY._replace(state_class=SensorStateClass.TOTAL_INCREASING)
_TOTAL: Final = ENERGY._replace(state_class=SensorStateClass.TOTAL)
_FREQUENCY: Final = Quantity(SensorDeviceClass.FREQUENCY, UnitOfFrequency.HERTZ, 1)
_POWER_FACTOR: Final = Quantity(SensorDeviceClass.POWER_FACTOR, digits=2)
COST: Final = Quantity(SensorDeviceClass.MONETARY, None, 2, SensorStateClass.TOTAL)

_of_meter = partial(part_of, "meter")

METER_SENSORS = (
    _of_meter(Feature.POWER, POWER, is_named=False, is_enabled=True),
    measurement(
        "lifetime_energy",
        COUNTER,
        "meter.energy",
        exists_fn=reports(Feature.ENERGY),
        is_enabled=True,
    ),
    _of_meter(Feature.OFFERED_CURRENT, CURRENT, is_enabled=True),
    _of_meter(Feature.POWER_L1, POWER),
    _of_meter(Feature.POWER_L2, POWER),
    _of_meter(Feature.POWER_L3, POWER),
    _of_meter(Feature.CURRENT_L1, CURRENT),
    _of_meter(Feature.CURRENT_L2, CURRENT),
    _of_meter(Feature.CURRENT_L3, CURRENT),
    _of_meter(Feature.VOLTAGE_L1, VOLTAGE),
    _of_meter(Feature.VOLTAGE_L2, VOLTAGE),
    _of_meter(Feature.VOLTAGE_L3, VOLTAGE),
    _of_meter(Feature.POWER_EXPORT, POWER),
    _of_meter(Feature.ENERGY_EXPORT, COUNTER),
    _of_meter(Feature.CURRENT, CURRENT, is_named=False),
    _of_meter(Feature.VOLTAGE, VOLTAGE, is_named=False),
    _of_meter(Feature.FREQUENCY, _FREQUENCY, is_named=False),
    _of_meter(Feature.TEMPERATURE, TEMPERATURE, is_named=False),
    _of_meter(Feature.POWER_FACTOR, _POWER_FACTOR, is_named=False),
)


def _session_energy(snapshot: ChargepointSnapshot) -> Total:
    """Return the energy of a session whose start is known.

    Without its start a drop would be booked as energy that was given back.
    """
    since = snapshot.session.started
    return Total(None if since is None else snapshot.meter.session_energy, since)


SESSION_SENSORS = (
    measurement(
        Feature.SESSION_ENERGY, _TOTAL, "meter.session_energy", _session_energy, is_enabled=True
    ),
    fact(
        "energy_target",
        lambda snapshot: snapshot.requested.energy_target,
        quantity=ENERGY,
        exists_fn=lambda known: (
            Feature.SESSION_ENERGY in known.reports and Feature.CHARGING in known.controls
        ),
        category=DIAGNOSTIC,
    ),
    fact(
        "charging_ends",
        lambda snapshot: snapshot.requested.charging_ends,
        quantity=MOMENT,
        exists_fn=controls(Feature.CHARGING),
        category=DIAGNOSTIC,
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


COST_SENSORS = (measurement(Feature.STATION_COST, COST, "charged", _charged_cost, is_enabled=True),)


# The grid connection: the load of the building, and its limits. -----------------------


def _load(key: str, feature: Feature, path: str) -> NodeSensorDescription[GridSnapshot]:
    read = attrgetter(path)
    return sensor(key, read, quantity=CURRENT, exists_fn=reports(feature), measured=read)


def _limit(
    feature: Feature, value_fn: Callable[[GridSnapshot], float | None]
) -> NodeSensorDescription[GridSnapshot]:
    return sensor(feature, value_fn, quantity=CURRENT_LIMIT, category=DIAGNOSTIC)


GRID_SENSORS = (
    _load("load_l1", Feature.CURRENT_L1, "meter.current_l1"),
    _load("load_l2", Feature.CURRENT_L2, "meter.current_l2"),
    _load("load_l3", Feature.CURRENT_L3, "meter.current_l3"),
    _load("average_load", Feature.CURRENT, "meter.current"),
    _load("highest_load", Feature.HIGHEST_CURRENT, "highest_current"),
    _limit(Feature.INSTALLED_CURRENT, lambda snapshot: snapshot.installed_current),
    _limit(Feature.RESERVED_CURRENT, lambda snapshot: snapshot.reserved_current),
)
