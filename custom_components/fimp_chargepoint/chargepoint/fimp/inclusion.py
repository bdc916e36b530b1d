"""What an inclusion report says of a thing: who it is and what its services can do.

Source: Futurehome FIMP API, "Inclusion report"; service properties of `chargepoint`
and `meter_elec`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ProtocolError
from ..model import Capabilities, Feature, Identity
from .topic import ServiceAddress, ServiceTopic, parse_address

#: What every charge point can do, also one that never sent an inclusion report.
BASIC = Capabilities(
    reports=frozenset({Feature.STATUS, Feature.SESSION_ENERGY}),
    controls=frozenset({Feature.CHARGING}),
)
#: Meter units and extended values that carry a feature.
METER_UNITS = {"W": Feature.POWER, "kWh": Feature.ENERGY}
METER_VALUES = {"p_import": Feature.POWER, "e_import": Feature.ENERGY}
#: Interfaces are told by their names alone: adapters list wrong directions and types.
_REPORTED_BY = {
    "evt.cable_lock.report": Feature.CABLE_LOCK,
    "cmd.cable_lock.get_report": Feature.CABLE_LOCK,
}
_SET_BY = {"cmd.cable_lock.set": Feature.CABLE_LOCK}


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a thing: the names of its interfaces and its properties."""

    interfaces: frozenset[str]
    props: Mapping[str, Any]

    def strings(self, name: str) -> tuple[str, ...]:
        """Return a property that is a list of strings; empty where it is not."""
        value = self.props.get(name)
        return (
            tuple(each for each in value if isinstance(each, str))
            if isinstance(value, list)
            else ()
        )


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing: its address, its identity without a name of its own, its services."""

    address: str
    identity: Identity
    services: Mapping[ServiceTopic, Service]

    @property
    def chargepoints(self) -> tuple[ServiceAddress, ...]:
        """The addresses of its charge points, one per connector."""
        return tuple(topic.address for topic in self.services if topic.service == "chargepoint")

    def capabilities(self, address: ServiceAddress) -> Capabilities:
        """Return what the charge point at `address` can report and be told."""
        chargepoint = self.services[ServiceTopic("chargepoint", address)]
        meter = self.services.get(ServiceTopic("meter_elec", address), _NO_SERVICE)
        modes = tuple(
            dict.fromkeys(each.lower() for each in chargepoint.strings("sup_charging_modes"))
        )
        return Capabilities(
            reports=BASIC.reports
            | _known(_REPORTED_BY, chargepoint.interfaces)
            | _known(METER_UNITS, meter.strings("sup_units"))
            | _known(METER_VALUES, meter.strings("sup_extended_vals")),
            controls=BASIC.controls
            | _known(_SET_BY, chargepoint.interfaces)
            | ({Feature.CHARGING_MODE} if modes else frozenset()),
            charging_modes=modes,
        )

    def has_meter(self, address: ServiceAddress) -> bool:
        """Whether the charge point at `address` has a meter beside it."""
        return ServiceTopic("meter_elec", address) in self.services


_NO_SERVICE = Service(frozenset(), {})


def _known(table: Mapping[str, Feature], names: Any) -> frozenset[Feature]:
    return frozenset(table[name] for name in names if name in table)


def parse_thing(report: Any) -> Thing:
    """Parse the value of `evt.thing.inclusion_report`.

    Raises:
        ProtocolError: of kind `inclusion`, where there is no address or no service list.

    """
    address = report.get("address") if isinstance(report, dict) else None
    services = report.get("services") if isinstance(report, dict) else None
    if not isinstance(address, str) or not address or not isinstance(services, list):
        raise ProtocolError("inclusion", "no address or no services")
    return Thing(
        address,
        Identity(
            name=_text(report, "product_name") or _text(report, "alias") or "",
            manufacturer=_text(report, "manufacturer_id"),
            model=_text(report, "product_name"),
            serial_number=_text(report, "device_id"),
            sw_version=_text(report, "sw_ver"),
            hw_version=_text(report, "hw_ver"),
        ),
        dict(filter(None, map(_parse_service, services))),
    )


def _parse_service(service: Any) -> tuple[ServiceTopic, Service] | None:
    """Parse one service; what makes no sense is left out, the rest still counts."""
    if not isinstance(service, dict) or not isinstance(service.get("address"), str):
        return None
    topic = parse_address(service["address"])
    if not isinstance(topic, ServiceTopic):
        return None
    interfaces = service.get("interfaces")
    props = service.get("props")
    return topic, Service(
        frozenset(
            each["msg_t"]
            for each in (interfaces if isinstance(interfaces, list) else ())
            if isinstance(each, dict) and isinstance(each.get("msg_t"), str)
        ),
        props if isinstance(props, dict) else {},
    )


def _text(report: dict[str, Any], key: str) -> str | None:
    """Return a text; an empty one means that it is not known."""
    value = report.get(key)
    return value.strip() or None if isinstance(value, str) else None
