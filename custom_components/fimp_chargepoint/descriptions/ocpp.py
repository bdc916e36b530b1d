"""The sensors of the OCPP client of a station."""

from collections.abc import Callable
from typing import Final, Unpack

from ..chargepoint import OcppSnapshot
from ..chargepoint.model import Feature
from ..entity import reports
from .charge_point import (
    CURRENT_LIMIT,
    DIAGNOSTIC,
    POWER_LIMIT,
    NodeSensorDescription,
    SensorOptions,
    SensorValue,
    sensor,
)

#: The registration of a station at its CSMS.
_REGISTRATIONS: Final = ("accepted", "pending", "rejected")
_HAS_CSMS: Final = reports(Feature.CSMS)


def _fact(
    key: str, value_fn: Callable[[OcppSnapshot], SensorValue], **options: Unpack[SensorOptions]
) -> NodeSensorDescription[OcppSnapshot]:
    return sensor(key, value_fn, **options)


def _detail(
    key: str, value_fn: Callable[[OcppSnapshot], SensorValue], *, is_enabled: bool = False
) -> NodeSensorDescription[OcppSnapshot]:
    return _fact(key, value_fn, exists_fn=_HAS_CSMS, category=DIAGNOSTIC, is_enabled=is_enabled)


def _registration(snapshot: OcppSnapshot) -> str | None:
    word = (snapshot.registration or "").lower()
    return word if word in _REGISTRATIONS else None


OCPP_SENSORS = (
    _detail("csms_url", lambda snapshot: snapshot.csms_url),
    _detail("ocpp_version", lambda snapshot: snapshot.version, is_enabled=True),
    _detail("client_id", lambda snapshot: snapshot.client_id),
    _detail("security_profile", lambda snapshot: snapshot.security_profile),
    _fact(Feature.REGISTRATION, _registration, words=_REGISTRATIONS, category=DIAGNOSTIC),
    _fact(Feature.CSMS_CURRENT, lambda snapshot: snapshot.csms_current, quantity=CURRENT_LIMIT),
    _fact(Feature.CSMS_POWER, lambda snapshot: snapshot.csms_power, quantity=POWER_LIMIT),
)
