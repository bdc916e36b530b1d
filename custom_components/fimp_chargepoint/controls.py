"""What can be set: how it is shown to be wanted, what is proven, and how to set it."""

from dataclasses import dataclass
from typing import Any, NamedTuple, override

from .chargepoint.base import Chargepoint
from .chargepoint.capabilities import Parameter, Range
from .chargepoint.model import ChargepointSnapshot, Feature, parameter_kind


@dataclass(frozen=True)
class FeatureControl:
    """A feature that can be set."""

    feature: Feature

    @property
    def kind(self) -> str:
        """The key of what is wanted in the snapshot's `pending`."""
        return self.feature

    def proven(self, snapshot: ChargepointSnapshot) -> Any:
        """Return what the charge point says, None where it has not."""
        return getattr(snapshot, self.feature)

    def range(self, snapshot: ChargepointSnapshot) -> Range | None:
        """Return what a number may be."""
        return snapshot.capabilities.ranges.get(self.feature)

    def assumed(self, snapshot: ChargepointSnapshot) -> bool:
        """Whether it is never reported: then what was asked for last is shown."""
        return self.feature in snapshot.capabilities.assumed

    async def set(self, chargepoint: Chargepoint, value: Any) -> None:
        """Return when the charge point has proven it."""
        await chargepoint.set(self.feature, value)


class ChargingControl(FeatureControl):
    """Whether charging is allowed."""

    @override
    async def set(self, chargepoint: Chargepoint, value: Any) -> None:
        if value:
            await chargepoint.start_charging()
        else:
            await chargepoint.stop_charging()


class ChargingModeControl(FeatureControl):
    """The mode of charging, which no charge point is bound to report."""

    @override
    async def set(self, chargepoint: Chargepoint, value: Any) -> None:
        await chargepoint.set_charging_mode(value)


@dataclass(frozen=True)
class ParameterControl:
    """A setting of the charge point's maker."""

    parameter_id: str

    @property
    def kind(self) -> str:
        """The key of what is wanted in the snapshot's `pending`."""
        return parameter_kind(self.parameter_id)

    def description(self, snapshot: ChargepointSnapshot) -> Parameter | None:
        """Return what the maker says of it now, None where it is gone."""
        return snapshot.capabilities.parameter(self.parameter_id)

    def proven(self, snapshot: ChargepointSnapshot) -> Any:
        """Return what the charge point says, None where it has not."""
        return snapshot.parameters.get(self.parameter_id)

    def range(self, snapshot: ChargepointSnapshot) -> Range | None:
        """Return what a number may be."""
        parameter = self.description(snapshot)
        return None if parameter is None else parameter.range

    def assumed(self, snapshot: ChargepointSnapshot) -> bool:
        """Whether it is never reported; the settings are."""
        return False

    def text(self, snapshot: ChargepointSnapshot) -> str | None:
        """Return the value in the words of the maker, where there are any."""
        parameter, value = self.description(snapshot), self.proven(snapshot)
        if parameter is None or value is None:
            return None
        words = (name for name, each in parameter.choices.items() if each == value)
        return next(words, str(value).lower() if isinstance(value, bool) else str(value))

    async def set(self, chargepoint: Chargepoint, value: Any) -> None:
        """Return when the charge point has proven it."""
        await chargepoint.set_parameter(self.parameter_id, value)


type Control = FeatureControl | ParameterControl


class FormerLimit(NamedTuple):
    """What is to return after a limit: a current in A, or what a charging mode brings.

    Neither is what holds for all sessions.
    """

    current: float | None = None
    mode: str | None = None


def former_limit(chargepoint: Chargepoint, feature: Feature) -> FormerLimit | None:
    """Return what a limit for a while takes the place of, None where nobody can say."""
    snapshot = chargepoint.snapshot
    kept: float | None = snapshot.kept.get(feature)
    if kept is not None and chargepoint.effect(feature, kept).holds(snapshot):
        # Ours, also where a stricter one hides it.
        return FormerLimit(kept)
    holding: float | None = getattr(snapshot, feature)
    if holding is not None:
        return FormerLimit(holding)
    return _of_session(chargepoint) if feature is Feature.SESSION_CURRENT else None


def _of_session(chargepoint: Chargepoint) -> FormerLimit | None:
    """Return what limits a session that has no limit of ours: its mode does, or nothing."""
    snapshot, mode = chargepoint.snapshot, chargepoint.mode_in_force
    numbers = snapshot.capabilities.ranges[Feature.SESSION_CURRENT]
    if offered := snapshot.meter.offered_current:
        known = (snapshot.max_current, snapshot.cable_current, numbers.maximum)
        if offered >= min(each for each in known if each is not None):
            return FormerLimit()
        if offered >= numbers.minimum:
            return FormerLimit(offered)
    elif not snapshot.charging or Feature.OFFERED_CURRENT not in snapshot.capabilities.reports:
        # In a pause nothing limits but what holds for all sessions.
        return FormerLimit()
    return None if mode is None else FormerLimit(mode=mode)


def settable_limit(snapshot: ChargepointSnapshot) -> Feature:
    """Return the limit of the current to set: the session's if there is one, else the lasting.

    Where the charge point has neither, it will refuse what is returned.
    """
    there = snapshot.capabilities.controls
    for_session = snapshot.in_session or Feature.MAX_CURRENT not in there
    if Feature.SESSION_CURRENT in there and for_session:
        return Feature.SESSION_CURRENT
    return Feature.MAX_CURRENT
