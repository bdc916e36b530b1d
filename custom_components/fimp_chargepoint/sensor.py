"""What a charge point reports."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, override

from homeassistant.components.sensor import SensorEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .chargepoint.capabilities import ParameterKind
from .chargepoint.ocpp import OcppSnapshot
from .coordinator import FimpConfigEntry, PushCoordinator
from .entity import (
    NodeEntity,
    SessionsEntity,
    async_remove_descriptions,
    async_setup_chargepoints,
    async_setup_nodes,
    existing,
    of_parameters,
)
from .meter_descriptions import COST_SENSORS, METER_SENSORS
from .ocpp_descriptions import OCPP_SENSORS
from .sensor_descriptions import (
    DETAIL_SENSORS,
    HEALTH_SENSORS,
    SENSORS,
    WRITES_SENSOR,
    NodeSensorDescription,
    parameter_sensor,
)
from .session_descriptions import (
    LAST_SESSION_SENSORS,
    PRICED_SENSORS,
    SESSION_SENSORS,
    LastSessionSensorDescription,
    PricedSensorDescription,
)
from .vehicle_descriptions import DIRECT_SENSORS, VEHICLE_SENSORS

# Nothing is fetched here: the values are pushed.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of every charge point, and of what stands beside it."""
    add = partial(async_setup_chargepoints, entry, async_add_entities, Platform.SENSOR)
    add(
        existing(
            (
                *SENSORS,
                *METER_SENSORS,
                *VEHICLE_SENSORS,
                *DIRECT_SENSORS,
                *COST_SENSORS,
                *HEALTH_SENSORS,
                *DETAIL_SENSORS,
                WRITES_SENSOR,
            )
        ),
        NodeSensor,
    )
    add(existing(SESSION_SENSORS), NodeSensor)
    add(existing(LAST_SESSION_SENSORS), LastSessionSensor)
    if entry.runtime_data.sessions.prices.is_named:
        add(existing(PRICED_SENSORS), PricedSensor)
    else:
        async_remove_descriptions(entry, Platform.SENSOR, PRICED_SENSORS)
    add(of_parameters(ParameterKind.VALUE, parameter_sensor), NodeSensor)
    async_setup_nodes(
        entry,
        async_add_entities,
        Platform.SENSOR,
        OcppSnapshot,
        existing(OCPP_SENSORS),
        NodeSensor,
    )


class NodeSensor[C: PushCoordinator[Any, Any]](NodeEntity[C], SensorEntity):
    """A value of the snapshot."""

    entity_description: NodeSensorDescription[Any]

    @property
    @override
    def shown(self) -> Any:
        """The value, in its unit, since when it counts, and what more there is."""
        unit = self.native_unit_of_measurement
        return self.native_value, unit, self.last_reset, self.extra_state_attributes

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """The value, None where it is not known."""
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    @override
    def last_reset(self) -> datetime | None:
        """When the value was zero, for one that starts over."""
        return self.entity_description.last_reset_fn(self.coordinator.data)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """The unit, which may be a currency that the charge point chooses."""
        unit_fn = self.entity_description.unit_fn
        if unit_fn is None:
            return self.entity_description.native_unit_of_measurement
        return unit_fn(self.coordinator.data)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What more there is to say."""
        attributes_fn = self.entity_description.attributes_fn
        return None if attributes_fn is None else attributes_fn(self.coordinator.data)


class LastSessionSensor(SessionsEntity, SensorEntity):
    """A value of the last session that is over; it stays true without the charge point."""

    entity_description: LastSessionSensorDescription

    @property
    @override
    def available(self) -> bool:
        """It is over."""
        return True

    @property
    @override
    def shown(self) -> Any:
        """The value."""
        return self.native_value

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """The value, None where it is not known."""
        record = self.keeper.last_session
        return None if record is None else self.entity_description.value_fn(record)


class PricedSensor(SessionsEntity, SensorEntity):
    """What charging costs at the price of the user."""

    entity_description: PricedSensorDescription

    @property
    @override
    def shown(self) -> Any:
        """The amount, its currency, and since when it counts."""
        return self.native_value, self.native_unit_of_measurement, self.last_reset

    @property
    @override
    def native_value(self) -> float | None:
        """The amount, None where it is not known."""
        amount = self.entity_description.money_fn(self.keeper).amount
        return None if amount is None else round(amount, 4)

    @property
    @override
    def native_unit_of_measurement(self) -> str:
        """The currency; that of Home Assistant while none is known."""
        currency = self.entity_description.money_fn(self.keeper).currency
        return currency or self.hass.config.currency

    @property
    @override
    def last_reset(self) -> datetime | None:
        """When the amount was zero, for one that starts over."""
        return self.entity_description.last_reset_fn(self.keeper)
