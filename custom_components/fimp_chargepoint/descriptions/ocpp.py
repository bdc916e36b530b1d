"""The sensors of the OCPP client of a station."""

from dataclasses import dataclass
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import EntityCategory, UnitOfElectricCurrent, UnitOfPower

from ..chargepoint import OcppSnapshot
from ..chargepoint.model import Feature
from ..entity import reports
from .charge_point import NodeSensorDescription

#: The registration of a station at its CSMS.
_REGISTRATIONS: Final = ("accepted", "pending", "rejected")


@dataclass(frozen=True, kw_only=True)
class OcppSensorDescription(NodeSensorDescription[OcppSnapshot]):
    """A value of an OCPP client."""


def _registration(snapshot: OcppSnapshot) -> str | None:
    word = (snapshot.registration or "").lower()
    return word if word in _REGISTRATIONS else None


OCPP_SENSORS = (
    OcppSensorDescription(
        key="csms_url",
        translation_key="csms_url",
        exists_fn=reports(Feature.CSMS),
        value_fn=lambda snapshot: snapshot.csms_url,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    OcppSensorDescription(
        key="ocpp_version",
        translation_key="ocpp_version",
        exists_fn=reports(Feature.CSMS),
        value_fn=lambda snapshot: snapshot.version,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    OcppSensorDescription(
        key="client_id",
        translation_key="client_id",
        exists_fn=reports(Feature.CSMS),
        value_fn=lambda snapshot: snapshot.client_id,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    OcppSensorDescription(
        key="security_profile",
        translation_key="security_profile",
        exists_fn=reports(Feature.CSMS),
        value_fn=lambda snapshot: snapshot.security_profile,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    OcppSensorDescription(
        key="registration",
        translation_key="registration",
        device_class=SensorDeviceClass.ENUM,
        options=[*_REGISTRATIONS],
        exists_fn=reports(Feature.REGISTRATION),
        value_fn=_registration,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    OcppSensorDescription(
        key="csms_current",
        translation_key="csms_current",
        device_class=SensorDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=0,
        exists_fn=reports(Feature.CSMS_CURRENT),
        value_fn=lambda snapshot: snapshot.csms_current,
    ),
    OcppSensorDescription(
        key="csms_power",
        translation_key="csms_power",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        exists_fn=reports(Feature.CSMS_POWER),
        value_fn=lambda snapshot: snapshot.csms_power,
    ),
)
