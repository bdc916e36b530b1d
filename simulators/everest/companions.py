"""The modules beside the EVSEs: limits, errors and cards, and what they have in common."""

from typing import Any, ClassVar, override

from simulators.car import NOMINAL_VOLTAGE

from .cards import Cards
from .energy import INTEGERS, NUMBERS, Limits, RequestedLimits
from .evse import Evse
from .faults import SEVERITIES
from .framework import Station
from .module import ApiModule
from .requests import MalformedError, fields, integer, moment, one_of
from .vocabulary import id_token, token

# How many times slower their heartbeat is than that of an EVSE.
_SLOWER = 5
_NO_TIME = -1.0
_STATES = ("Active", "ClearedByModule", "ClearedByReboot")
_SEVERITY_FILTERS = {"LOW_GE": 0, "MEDIUM_GE": 1, "HIGH_GE": 2}
_TIMEOUT_SECONDS = (10, 300)


class Companion(ApiModule):
    """A companion module of the EVSEs."""

    KIND: ClassVar[str] = ""
    VARIABLES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, station: Station, module_id: str) -> None:
        """Build the module."""
        super().__init__(station, self.KIND, module_id)
        self.heartbeat = _SLOWER * station.timing.heartbeat
        self.check = station.site.check
        self.variables = self.VARIABLES
        self.connect()

    def connect(self) -> None:
        """Add the requests that this module accepts."""

    def introduce(self) -> None:
        """Publish the values at a start."""

    def handle_event(self, evse: Evse, event: str) -> None:
        """Handle an event of an EVSE."""


class ExternalLimits(Companion):
    """Takes limits for one EVSE, or at the grid's node for all of them."""

    KIND = "external_energy_limits_consumer"
    VARIABLES = ("capabilities",)

    def __init__(self, station: Station, module_id: str, *evses: Evse, grid: bool = False) -> None:
        """Build the module for some EVSEs, at their own nodes or at that of the `grid`."""
        super().__init__(station, module_id)
        self._evses = evses
        self._grid = grid
        self.orders["set_external_limits"] = self._set
        if station.dialect.page:
            for evse in evses:
                evse.energy.publishers.append(self.publish)

    @override
    def introduce(self) -> None:
        """Publish the limit of the fuse; older releases do not."""
        if self.station.dialect.latches:
            setup = self._evses[0].setup
            self.publish(
                "capabilities",
                {
                    "max_current_A": setup.max_current,
                    "max_phase_count": setup.phases,
                    "nominal_voltage_V": NOMINAL_VOLTAGE,
                    "total_power_W": setup.max_current * setup.phases * NOMINAL_VOLTAGE,
                },
            )

    def _set(self, body: Any) -> None:
        """Replace all previous limits; an empty schedule removes them."""
        lists = ("schedule_import", "schedule_export", "schedule_setpoints")
        schedule = fields(body, **dict.fromkeys(lists, list))
        requests = [_requested_limits(entry) for entry in schedule["schedule_import"]]
        for entry in schedule["schedule_export"]:
            _requested_limits(entry)
        if any(request.since == _NO_TIME for request in requests):
            # It is accepted nevertheless.
            self.station.refuses(f"{self.topic}/m2e/set_external_limits", b"", "no time")
        for evse in self._evses:
            evse.energy.later(*requests, grid=self._grid)


def _requested_limits(entry: Any) -> RequestedLimits:
    """Read one entry of a schedule."""
    found = fields(entry, timestamp=str, limits_to_root=dict, limits_to_leaves=dict)
    limits: Limits = {}
    for side in ("limits_to_root", "limits_to_leaves"):
        for name, limit in found[side].items():
            if name in NUMBERS or name in INTEGERS:
                inner = fields(limit, value=(int, float), source=str)
                value = float(inner["value"])
                if name in INTEGERS:
                    value = integer(value)
                requested = (value, inner["source"])
                limits[name] = min(limits.get(name, requested), requested)
    try:
        return RequestedLimits(moment(found["timestamp"]), limits)
    except MalformedError:
        return RequestedLimits(_NO_TIME, limits)


class ErrorHistory(Companion):
    """Reports the errors of the whole station."""

    KIND = "error_history_consumer"
    VARIABLES = ("error_raised", "error_cleared")

    @override
    def connect(self) -> None:
        """Register the requests, and publish changes."""
        self.station.faults.publishers.append(self.publish)
        self.requests["active_errors"] = lambda _: {"errors": self.station.faults.active}
        self.requests["get_errors"] = self._get_errors

    def _get_errors(self, body: Any) -> dict[str, Any]:
        requested = fields(body)
        found = [error for error in self.station.faults.history if _passes(error, requested)]
        return {"errors": found}


def _passes(error: dict[str, Any], requested: dict[str, Any]) -> bool:
    """Return whether an error passes all given filters."""
    passed = True
    for name, value in requested.items():
        match name:
            case "state_filter":
                passed &= error["state"] == one_of(value, _STATES)
            case "severity_filter":
                least = _SEVERITY_FILTERS[one_of(value, tuple(_SEVERITY_FILTERS))]
                passed &= SEVERITIES.index(error["severity"]) >= least
            case "origin_filter":
                origin = fields(value, module_id=str, implementation_id=str)
                passed &= error["origin"].items() <= origin.items()
            case "type_filter" | "handle_filter":
                if not isinstance(value, str):
                    raise MalformedError(f"{name} is no text")
                passed &= error["type" if name == "type_filter" else "uuid"] == value
            case "timeperiod_filter":
                period = fields(value, timestamp_from=str, timestamp_to=str)
                began, ended = moment(period["timestamp_from"]), moment(period["timestamp_to"])
                passed &= began <= moment(error["timestamp"]) <= ended
    return passed


class Authorizer(Companion):
    """Reports the results for cards, and withdraws authorizations."""

    KIND = "auth_consumer"
    VARIABLES = ("token_validation_status",)

    def __init__(self, station: Station, module_id: str, cards: Cards) -> None:
        """Build the module, which reports on all cards."""
        super().__init__(station, module_id)
        self._cards = cards
        cards.publishers.append(self.publish)
        self.requests["withdraw_authorization"] = self._withdraw
        if station.dialect.page:
            self.orders["set_connection_timeout"] = _set_timeout

    def _withdraw(self, body: Any) -> str:
        requested = fields(body)
        if "id_token" in requested:
            id_token(requested["id_token"])
        return self._cards.withdraw(requested)


class Tokens(Companion):
    """Takes cards that were presented to a reader elsewhere."""

    KIND = "auth_token_provider"

    def __init__(self, station: Station, module_id: str, cards: Cards) -> None:
        """Build the module, which takes cards for all EVSEs."""
        super().__init__(station, module_id)
        self._cards = cards
        self.orders["provided_token"] = self._provide

    def _provide(self, body: Any) -> None:
        card = token(body)

        async def show() -> None:
            await self._cards.show(card, self.station.points.values())

        self.station.spawn(show())


def _set_timeout(value: Any) -> None:
    """Read a timeout, or on the same topic the group of master cards."""
    least, most = _TIMEOUT_SECONDS
    if not isinstance(value, str) and not least <= integer(value) <= most:
        raise MalformedError("there is no such timeout")
