"""What a charge point reports."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfEnergy, UnitOfPower
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import RestoredExtraData, RestoreEntity
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .chargepoint.model import ChargepointSnapshot, Feature, Status
from .coordinator import FimpConfigEntry
from .entity import (
    ChargepointDescription,
    ChargepointEntity,
    async_setup_chargepoints,
    reports,
)

# Nothing is fetched here: the values are pushed.
PARALLEL_UPDATES = 0

_STARTED = "started"
_ENERGY = "energy"


@dataclass(frozen=True, kw_only=True)
class ChargepointSensorDescription(ChargepointDescription, SensorEntityDescription):
    """A value, and since when it counts."""

    value_fn: Callable[[ChargepointSnapshot], StateType]
    last_reset_fn: Callable[[ChargepointSnapshot], datetime | None] = lambda _: None


SENSORS = (
    ChargepointSensorDescription(
        key="status",
        translation_key="status",
        device_class=SensorDeviceClass.ENUM,
        options=[*Status],
        exists_fn=reports(Feature.STATUS),
        value_fn=lambda snapshot: snapshot.status,
    ),
    ChargepointSensorDescription(
        key="raw_status",
        translation_key="raw_status",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.STATUS),
        value_fn=lambda snapshot: snapshot.raw_status,
    ),
    ChargepointSensorDescription(
        key="evse_id",
        translation_key="evse_id",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=reports(Feature.EVSE_ID),
        value_fn=lambda snapshot: snapshot.identity.evse_id,
    ),
    ChargepointSensorDescription(
        key="power",
        device_class=SensorDeviceClass.POWER,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        exists_fn=reports(Feature.POWER),
        value_fn=lambda snapshot: snapshot.meter.power,
    ),
    ChargepointSensorDescription(
        key="lifetime_energy",
        translation_key="lifetime_energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=1,
        exists_fn=reports(Feature.ENERGY),
        value_fn=lambda snapshot: snapshot.meter.energy,
    ),
)


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


async def async_setup_entry(
    _: HomeAssistant,
    entry: FimpConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of every charge point."""
    async_setup_chargepoints(entry, async_add_entities, SENSORS, ChargepointSensor)
    async_setup_chargepoints(entry, async_add_entities, SESSION_SENSORS, SessionSensor)


class ChargepointSensor(ChargepointEntity, SensorEntity):
    """A value of the snapshot."""

    entity_description: ChargepointSensorDescription

    @property
    @override
    def shown(self) -> Any:
        """The value, and since when it counts."""
        return self.native_value, self.last_reset

    @property
    @override
    def native_value(self) -> StateType:
        """The value, None where it is not known."""
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    @override
    def last_reset(self) -> datetime | None:
        """When the value was zero, for one that starts over."""
        return self.entity_description.last_reset_fn(self.coordinator.data)


class SessionSensor(ChargepointSensor, RestoreEntity):
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
            self.chargepoint.restore_session(started, energy)

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
