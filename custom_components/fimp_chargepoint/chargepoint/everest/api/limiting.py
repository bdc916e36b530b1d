"""What the companion modules add to an EVSE of EVerest API v1: limits, errors, tokens, costs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, override

from ...capabilities import Capabilities
from ...commands.request import ExpectedState
from ...limits.requested import LimitValue
from ...model import ChargepointSnapshot, Cost, Feature
from ...node import Changes, NodeHost, Request
from .. import limits
from ..envelope import mapping
from ..evse import Evse
from ..limits import Limits
from ..random_delay import RandomisedDelay
from .companions import CompanionModules, TokenProvider, is_of
from .node import ApiNode

#: Seconds after a start in which no EVSE has been assigned any energy yet.
_STARTING_TIME: Final = 5.0
#: The field with the value that applies, by limit.
_REPORTED_AS: Final = {
    Feature.MAX_CURRENT: "effective_current",
    Feature.MAX_POWER: "power_limit",
}
#: Maximum number of limits modules that are remembered for having limited it.
_MODULES_MAX: Final = 16


class LimitedChargepoint(ApiNode[ChargepointSnapshot], Evse, ABC):
    """A charge point whose limits are requested through a companion module."""

    def __init__(self, address: str, module: str, host: NodeHost) -> None:
        """Start without any companion module."""
        super().__init__(address, module, host)
        self.companions = CompanionModules()
        self._countdown = RandomisedDelay()
        #: The number of the EVSE in the station, None if unknown.
        self.number: int | None = None
        #: When it was last limited through each limits module that our limits were sent to.
        self.limited_through: dict[str, float] = {}
        #: Called if it is limited through another one.
        self.on_limited: Callable[[float], None] | None = None

    @property
    @override
    def _takes_limits(self) -> bool:
        return self.companions.limits is not None

    @override
    def _with_limits(self) -> Capabilities:
        known = super()._with_limits()
        controls = known.controls - {Feature.MAX_POWER}
        if self._takes_limits:
            controls |= {Feature.MAX_POWER}
        ranges = {**known.ranges, Feature.MAX_POWER: limits.possible_power(self._hardware)}
        return replace(known, controls=controls, ranges=ranges)

    @override
    def _shown_limits(self, known: ChargepointSnapshot) -> Changes:
        power, own = known.power_limit, known.requested.max_power
        if own is not None and self._limits_to(known, Feature.MAX_POWER, own):
            power = own
        return super()._shown_limits(known) | {"max_power": power}

    def assign(self, companions: CompanionModules, now: float) -> None:
        """Take over the companion modules that belong to it."""
        before, self.companions = self.companions, companions
        for old, new, listener in (
            (before.errors, companions.errors, self.take_faults),
            (before.authorization, companions.authorization, self._token_decided),
            (before.costs, companions.costs, self._cost_reported),
        ):
            if old is not None:
                old.remove_listener(listener)
            if new is not None:
                new.add_listener(listener)
        if companions.errors is not before.errors:
            self.take_faults(frozenset(), now)
            if companions.errors is not None:
                companions.errors.request_list(now)
        if companions.limits is not before.limits:
            self._update(now, capabilities=self._with_limits())

    @property
    @override
    def takes_token(self) -> bool | None:
        asks = super().takes_token is not None
        return self.companions.tokens is not None if asks else None

    def _cost_reported(self, cost: Cost, now: float) -> None:
        if self.snapshot.available and is_of(cost, self.snapshot.session):
            self._update(now, charged=cost, capabilities=self._reporting(Feature.STATION_COST))

    @property
    def reader(self) -> TokenProvider | None:
        """The token provider, if no other EVSE would take the token."""
        known = self.number is not None or not self.companions.shared
        return self.companions.tokens if known else None

    @abstractmethod
    def _token_decided(self, value: str, status: str) -> None:
        """Take the station's decision about a token."""

    def _random_delay_countdown(self, value: object, now: float) -> Changes:
        when = self.host.clock.to_datetime(now)
        return self._countdown.parse(self.snapshot, mapping(value), when)

    def _enforced_limits(self, value: object, now: float) -> Changes:
        enforced = limits.enforced(mapping(value), self._limits_module)
        self._remember_modules(enforced.modules, now)
        if enforced.is_nothing and now - self.alive_since < _STARTING_TIME:
            # EVerest also reports this right after its start, when it means nothing.
            enforced = enforced.with_(Feature.MAX_CURRENT, None)
        reported = [Feature.MAX_CURRENT, Feature.EFFECTIVE_CURRENT, Feature.LIMITED_BY]
        if enforced.limits.max_power is not None:
            reported.append(Feature.POWER_LIMIT)
        changes = self._countdown.limited(self.snapshot) | self._limited(enforced)
        return changes | {"capabilities": self._reporting(*reported)}

    @property
    def _limits_module(self) -> str | None:
        return None if self.companions.limits is None else self.companions.limits.id

    def _remember_modules(self, modules: frozenset[str], now: float) -> None:
        """Remember the limits modules that have limited it: they belong to it."""
        known = self.limited_through
        new = [each for each in modules if each not in known]
        if len(known) + len(new) > _MODULES_MAX:
            return
        known.update(dict.fromkeys(modules, now))
        if new and self.on_limited is not None:
            self.on_limited(now)

    @property
    def _ours(self) -> Limits:
        """Which limits the station reports as ours.

        If we limit the power, it reports the current that follows from it as ours, too.
        """
        ours, snapshot = self._enforced.ours, self.snapshot
        limits_power = Feature.MAX_POWER in {*snapshot.requested.limits, *snapshot.pending}
        return replace(ours, max_current=None) if limits_power else ours

    @override
    def _limits_request(self, requested: Mapping[str, object]) -> Request:
        """Return the message for all limits set from Home Assistant, and those `requested` now.

        It replaces our former limits. What the station reports as ours is not enough, because
        a stricter limit hides it.
        """
        found = self._ours
        for feature, value in {**self.snapshot.requested.limits, **requested}.items():
            found = found.with_(feature, value)
        return self._request_limits(found)

    def _request_limits(self, requested: Limits) -> Request:
        assert self.companions.limits is not None  # noqa: S101
        return self.companions.limits.limits_request(requested)

    @override
    def _no_limits_request(self) -> Request:
        return self._request_limits(Limits())

    @override
    def is_own_limit(self, feature: Feature, value: LimitValue) -> bool:
        # Another client may raise its limit at any time; three phases are no limit.
        no_limit = feature is Feature.PHASES and value == "3"
        reported = self._ours
        ours = no_limit or reported.with_(feature, value) == reported
        return ours and super().is_own_limit(feature, value)

    @override
    def effect(self, feature: Feature, value: object) -> ExpectedState:
        if feature not in _REPORTED_AS or not isinstance(value, int | float):
            return super().effect(feature, value)
        return ExpectedState(
            feature, value, lambda snapshot: self._limits_to(snapshot, feature, value)
        )

    def _limits_to(self, snapshot: ChargepointSnapshot, feature: Feature, value: float) -> bool:
        """Whether our limit applies, or is hidden by a stricter one.

        That may be another client's limit, or ours of the current for that of the power and vice
        versa: if the power is limited, the station reports the power that results, and names the
        source of the strictest limit, be it a current or a power.
        """
        holding: float | None = getattr(snapshot, _REPORTED_AS[feature])
        if holding is None or holding >= value:
            return holding == value
        requested = {**snapshot.requested.limits, **snapshot.pending}
        is_hidden = any(
            requested.get(other) is not None and requested[other] == getattr(snapshot, reported)
            for other, reported in _REPORTED_AS.items()
            if other is not feature
        )
        return is_hidden or not limits.is_own(snapshot.limited_by, self._limits_module)
