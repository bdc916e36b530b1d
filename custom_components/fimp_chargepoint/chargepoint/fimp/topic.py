"""FIMP topics: `pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:1` and others.

Source: Futurehome FIMP API, section "Topics".
"""

from collections.abc import Iterable, Iterator
import re
from typing import NamedTuple, override

from ..transport.inbox import Content
from ..transport.topics import is_level

#: The compressed payload type has the same topics.
_PAYLOAD_TYPES = ("pt:j1", "pt:j1c1")

#: Decoding messages only to skip them would take too long.
_KIND = re.compile(rb'"type"\s*:\s*"([^"]*)"')
_UNIT = re.compile(rb'"unit"\s*:\s*"([^"]*)"')
_VALUES = frozenset({b"evt.meter.report", b"evt.meter_export.report", b"evt.meter_ext.report"})

DISCOVERY_COMMANDS = "pt:j1/mt:cmd/rt:discovery"
DISCOVERY_EVENTS = "mt:evt/rt:discovery"
VINCULUM_COMMANDS = "pt:j1/mt:cmd/rt:app/rn:vinculum/ad:1"
VINCULUM_EVENTS = "mt:evt/rt:app/rn:vinculum/ad:1"


class Adapter(NamedTuple):
    """The program that connects devices to FIMP: resource name and address."""

    name: str
    address: str

    @property
    def commands(self) -> str:
        """The topic that takes commands to the adapter itself."""
        return f"pt:j1/mt:cmd/rt:ad/rn:{self.name}/ad:{self.address}"

    @property
    def service(self) -> str:
        """The service name in commands to the adapter itself."""
        return "zwave-ad" if self.name == "zw" else self.name


class ServiceAddress(NamedTuple):
    """The address of a thing's service, which all its sibling services share."""

    adapter: Adapter
    address: str

    @property
    def thing(self) -> str:
        """The thing's address: the part before the group, `3` for `3_1`."""
        return self.address.partition("_")[0]

    def commands(self, service: str) -> str:
        """Return the topic that takes commands to `service`."""
        name, address = self.adapter
        return f"pt:j1/mt:cmd/rt:dev/rn:{name}/ad:{address}/sv:{service}/ad:{self.address}"

    @override
    def __str__(self) -> str:
        """Return the short form that identifies a charge point on a hub."""
        return f"{self.adapter.name}/{self.adapter.address}/{self.address}"


class ServiceTopic(NamedTuple):
    """A topic of a service of a thing."""

    service: str
    address: ServiceAddress


def of_any_payload(topic: str) -> str | None:
    """Return what follows the payload type in `topic`; None if that type is not supported."""
    payload_type, _, rest = topic.partition("/")
    return rest if payload_type in _PAYLOAD_TYPES else None


def parse_event(topic: str) -> ServiceTopic | Adapter | None:
    """Return the source of the events on `topic`; None if it is not a known event topic."""
    rest = of_any_payload(topic)
    if rest is None or not rest.startswith("mt:evt/"):
        return None
    return parse_address(rest.removeprefix("mt:evt/"))


def parse_address(address: str) -> ServiceTopic | Adapter | None:
    """Parse what follows `mt:…`, also as inclusion reports write it (`/rt:dev/…`)."""
    levels = address.removeprefix("/").split("/")
    names = tuple(level.partition(":")[2] for level in levels)
    kinds = [level.partition(":")[0] for level in levels]
    if not all(map(is_level, names)):
        return None
    match kinds:
        case ["rt", "rn", "ad", "sv", "ad"] if names[0] == "dev":
            return ServiceTopic(names[3], ServiceAddress(Adapter(names[1], names[2]), names[4]))
        case ["rt", "rn", "ad"] if names[0] in ("ad", "app"):
            # Newer adapters report their own state as an app.
            return Adapter(names[1], names[2])
    return None


def content(topic: str, payload: bytes) -> Content | None:
    """Return the content of a service's event; None for other topics.

    All services of a charge point are one source: a meter report must not overtake the report of
    the state that it belongs to. Compressed messages are events.
    """
    match parse_event(topic):
        case ServiceTopic(service, address):
            kind, unit = _KIND.search(payload), _UNIT.search(payload)
            name = f"{service} {kind and kind[0]!r} {unit and unit[0]!r}"
            return Content(str(address), name, kind is not None and kind[1] in _VALUES)
    return None


def addresses(keys: Iterable[str], start: str) -> Iterator[ServiceAddress]:
    """Yield the addresses of the nodes whose keys begin with `start`."""
    for key in keys:
        match key.removeprefix(start).split("/") if key.startswith(start) else []:
            case [name, adapter, address]:
                yield ServiceAddress(Adapter(name, adapter), address)
