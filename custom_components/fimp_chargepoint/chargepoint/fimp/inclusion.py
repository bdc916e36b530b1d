"""Inclusion reports: the identity of a thing, and its services.

Source: Futurehome FIMP API, "Inclusion report".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..errors import ProtocolError
from ..model import Identity
from .topic import ServiceAddress, ServiceTopic, parse_address

#: Maximum number of characters of a text, and of values of one property.
_TEXT_MAX = 200
_WORDS_MAX = 100


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a thing: the names of its interfaces and its properties."""

    interfaces: frozenset[str]
    props: Mapping[str, object]

    def strings(self, name: str) -> tuple[str, ...]:
        """Return a property that is a list of strings; empty if it is not."""
        value = self.props.get(name)
        words = value[:_WORDS_MAX] if isinstance(value, list) else ()
        return tuple(word[:_TEXT_MAX] for word in words if isinstance(word, str))

    def reports(self, middle: str) -> bool:
        """Whether a report, or the question for it, is listed."""
        names = (f"evt.{middle}.report", f"cmd.{middle}.get_report")
        return not self.interfaces.isdisjoint(names)


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing: its address, its identity without a user's name, its services."""

    address: str
    identity: Identity
    services: Mapping[ServiceTopic, Service]

    @property
    def chargepoints(self) -> tuple[ServiceAddress, ...]:
        """The addresses of its charge points, one per connector."""
        return tuple(topic.address for topic in self.services if topic.service == "chargepoint")

    def of(self, address: ServiceAddress) -> dict[str, Service]:
        """Return the services at one address, by name."""
        return {
            topic.service: service
            for topic, service in self.services.items()
            if topic.address == address
        }


def identity(
    default: Identity, included: Thing | None, listed: Thing | None, address: ServiceAddress
) -> Identity:
    """Return the identity of the charge point at `address`.

    It is what its adapter reports, with name and room of the hub's device list; `default` if
    there is neither.
    """
    found = default
    if included is not None:
        name = included.identity.name
        if name and len(included.chargepoints) > 1:
            name = f"{name} {address.address}"
        found = replace(included.identity, name=found.name, kind=found.kind).named(name)
    if listed is not None:
        found = replace(
            found.named(listed.identity.name),
            model=found.model or listed.identity.model,
            area=listed.identity.area,
        )
    return found


def parse_thing(report: object) -> Thing:
    """Parse the value of `evt.thing.inclusion_report`.

    Raises:
        ProtocolError: of kind `inclusion`; there is no address or no list of services.

    """
    fields = report if isinstance(report, dict) else {}
    address, services = fields.get("address"), fields.get("services")
    if not isinstance(address, str) or not address or not isinstance(services, list):
        raise ProtocolError("inclusion", "no address or no services")
    return Thing(
        address,
        Identity(
            name=text(fields, "product_name") or text(fields, "alias") or "",
            manufacturer=text(fields, "manufacturer_id"),
            model=text(fields, "product_name"),
            serial_number=text(fields, "device_id"),
            sw_version=text(fields, "sw_ver"),
            hw_version=text(fields, "hw_ver"),
        ),
        dict(filter(None, map(_parse_service, services))),
    )


def _parse_service(service: object) -> tuple[ServiceTopic, Service] | None:
    if not isinstance(service, dict):
        return None
    interfaces = service.get("interfaces")
    names = [
        interface.get("msg_t")
        for interface in (interfaces if isinstance(interfaces, list) else ())
        if isinstance(interface, dict)
    ]
    return parse_service(service.get("address"), names, service.get("props"))


def parse_service(
    address: object, interfaces: Iterable[object], props: object
) -> tuple[ServiceTopic, Service] | None:
    """Return a service without its invalid parts; None without a valid address."""
    topic = parse_address(address) if isinstance(address, str) else None
    if not isinstance(topic, ServiceTopic):
        return None
    return topic, Service(
        frozenset(name for name in interfaces if isinstance(name, str)),
        props if isinstance(props, dict) else {},
    )


def text(report: Mapping[str, object], key: str) -> str | None:
    """Return a text of a report; None if it is empty, which means unknown."""
    value = report.get(key)
    return value.strip()[:_TEXT_MAX] or None if isinstance(value, str) else None
