"""What a charge point reports."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, override

from homeassistant.components.sensor import SensorEntity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import RestoredExtraData, RestoreEntity
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .chargepoint.model import ParameterKind
from .chargepoint.ocpp import OcppSnapshot
from .coordinator import ChargepointCoordinator, FimpConfigEntry, PushCoordinator
from .entity import (
    NodeEntity,
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
    SESSION_SENSORS,
    WRITES_SENSOR,
    NodeSensorDescription,
    parameter_sensor,
)
from .vehicle_descriptions import DIRECT_SENSORS, VEHICLE_SENSORS

# Nothing is fetched here: the values are pushed.
PARALLEL_UPDATES = 0

_STARTED = "started"
_ENERGY = "energy"


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
    add(existing(SESSION_SENSORS), SessionSensor)
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


class SessionSensor(NodeSensor[ChargepointCoordinator], RestoreEntity):
    """A value of the session, which may outlive a run of Home Assistant."""

    _stored: RestoredExtraData | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Tell the charge point of the session that was running."""
        await super().async_added_to_hass()
        if (stored := await self.async_get_last_extra_data()) is None:
            return
        data = stored.as_dict()
        started = dt_util.parse_datetime(str(data.get(_STARTED)))
        energy = data.get(_ENERGY)
        if started is not None and isinstance(energy, float | int):
            self._stored = RestoredExtraData(data)
            self.coordinator.node.restore_session(started, energy)

    @property
    @override
    def extra_restore_state_data(self) -> RestoredExtraData | None:
        """The session, also while the charge point is not available."""
        snapshot = self.coordinator.data
        started, energy = snapshot.session.started, snapshot.meter.session_energy
        if started is not None and energy is not None:
            self._stored = RestoredExtraData({_STARTED: started.isoformat(), _ENERGY: energy})
        # Not heard of in this run: what an earlier one knew is still the best.
        return self._stored
