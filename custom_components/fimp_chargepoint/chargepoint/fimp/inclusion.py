"""What an inclusion report says of a thing: who it is and which services it has.

Source: Futurehome FIMP API, "Inclusion report".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ProtocolError
from ..model import Identity
from .topic import ServiceAddress, ServiceTopic, parse_address

#: Characters of a text that are shown.
_TEXT_MAX = 200
#: Words of one property that are kept.
_WORDS_MAX = 100


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a thing: the names of its interfaces and its properties."""

    interfaces: frozenset[str]
    props: Mapping[str, Any]

    def strings(self, name: str) -> tuple[str, ...]:
        """Return a property that is a list of strings; empty where it is not."""
        value = self.props.get(name)
        return (
            tuple(each[:_TEXT_MAX] for each in value[:_WORDS_MAX] if isinstance(each, str))
            if isinstance(value, list)
            else ()
        )

    def reports(self, middle: str) -> bool:
        """Whether the list has the interface of a report, or of the question for it."""
        names = (f"evt.{middle}.report", f"cmd.{middle}.get_report")
        return not self.interfaces.isdisjoint(names)


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

    def of(self, address: ServiceAddress) -> dict[str, Service]:
        """Return the services at one address, by name."""
        return {
            topic.service: service
            for topic, service in self.services.items()
            if topic.address == address
        }


def identity(
    stranger: Identity, included: Thing | None, listed: Thing | None, address: ServiceAddress
) -> Identity:
    """Return who is at `address`: what its adapter knows, below the name the user gave.

    Whoever nobody knows is the `stranger`.
    """
    found = stranger
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
            name=text(report, "product_name") or text(report, "alias") or "",
            manufacturer=text(report, "manufacturer_id"),
            model=text(report, "product_name"),
            serial_number=text(report, "device_id"),
            sw_version=text(report, "sw_ver"),
            hw_version=text(report, "hw_ver"),
        ),
        dict(filter(None, map(_parse_service, services))),
    )


def _parse_service(service: Any) -> tuple[ServiceTopic, Service] | None:
    if not isinstance(service, dict):
        return None
    interfaces = service.get("interfaces")
    names = [
        each.get("msg_t")
        for each in (interfaces if isinstance(interfaces, list) else ())
        if isinstance(each, dict)
    ]
    return parse_service(service.get("address"), names, service.get("props"))


def parse_service(
    address: Any, interfaces: Iterable[Any], props: Any
) -> tuple[ServiceTopic, Service] | None:
    """Return a service; what makes no sense is left out, the rest still counts."""
    topic = parse_address(address) if isinstance(address, str) else None
    if not isinstance(topic, ServiceTopic):
        return None
    return topic, Service(
        frozenset(each for each in interfaces if isinstance(each, str)),
        props if isinstance(props, dict) else {},
    )


def text(report: Mapping[str, Any], key: str) -> str | None:
    """Return a text of a report; an empty one means that it is not known."""
    value = report.get(key)
    return value.strip()[:_TEXT_MAX] or None if isinstance(value, str) else None
