"""What can be set: how it is, what was asked of it, and how to set it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast, override

from .chargepoint.capabilities import ParameterValue, Range
from .chargepoint.charge_point import Chargepoint
from .chargepoint.model import ChargepointSnapshot, Feature, Reason, parameter_kind


class ControlState[V: ParameterValue](NamedTuple):
    """All that is shown of a control: what was asked of it, else what is proven.

    `pending` is whether it was asked for and is not proven yet, `assumed` whether the charge
    point never reports it: then what was asked for last counts as proven. `range` and
    `options` are what it can be, where that is not a mere yes or no. `no_readings` is why
    nobody knows how it is, where it can be set all the same.
    """

    value: V | None
    pending: bool
    assumed: bool = False
    range: Range | None = None
    options: tuple[str, ...] = ()
    no_readings: Reason | None = None


class Control[V: ParameterValue](ABC):
    """Something that can be set to a `V`."""

    @abstractmethod
    def state(self, snapshot: ChargepointSnapshot) -> ControlState[V]:
        """Return how it is."""

    @abstractmethod
    async def set(self, chargepoint: Chargepoint, value: V) -> None:
        """Return when the charge point has proven it."""


@dataclass(frozen=True)
class FeatureControl[V: ParameterValue](Control[V]):
    """A feature that can be set."""

    feature: Feature
    value_fn: Callable[[ChargepointSnapshot], V | None]

    @override
    def state(self, snapshot: ChargepointSnapshot) -> ControlState[V]:
        can, asked = snapshot.capabilities, snapshot.pending.get(self.feature)
        return ControlState(
            self.value_fn(snapshot) if asked is None else asked,
            pending=asked is not None,
            assumed=self.feature in can.assumed,
            range=can.ranges.get(self.feature),
            options=can.options.get(self.feature, ()),
        )

    @override
    async def set(self, chargepoint: Chargepoint, value: V) -> None:
        await chargepoint.set(self.feature, value)


class ChargingControl(FeatureControl[bool]):
    """Whether charging is allowed."""

    @override
    async def set(self, chargepoint: Chargepoint, value: bool) -> None:
        if value:
            await chargepoint.start_charging()
        else:
            await chargepoint.stop_charging()


class ChargingModeControl(FeatureControl[str]):
    """The mode of charging, which no charge point is bound to report."""

    @override
    async def set(self, chargepoint: Chargepoint, value: str) -> None:
        await chargepoint.set_charging_mode(value)


@dataclass(frozen=True)
class ParameterControl[V: ParameterValue](Control[V]):
    """A setting of the charge point's maker, whose kind says what `V` is."""

    parameter_id: str

    @override
    def state(self, snapshot: ChargepointSnapshot) -> ControlState[V]:
        asked = snapshot.pending.get(parameter_kind(self.parameter_id))
        proven = snapshot.parameters.get(self.parameter_id)
        value = cast("V | None", proven if asked is None else asked)
        return ControlState(value, pending=asked is not None)

    @override
    async def set(self, chargepoint: Chargepoint, value: V) -> None:
        await chargepoint.set_parameter(self.parameter_id, value)


class NumberControl(ParameterControl[float]):
    """A setting that is a number."""

    @override
    def state(self, snapshot: ChargepointSnapshot) -> ControlState[float]:
        parameter = snapshot.capabilities.parameter(self.parameter_id)
        numbers = None if parameter is None else parameter.range
        return super().state(snapshot)._replace(range=numbers)


class ChoiceControl(ParameterControl[str]):
    """A setting that is chosen, in the words of the charge point's maker."""

    @override
    def state(self, snapshot: ChargepointSnapshot) -> ControlState[str]:
        plain, choices = super().state(snapshot), self._choices(snapshot)
        return plain._replace(value=_word(choices, plain.value), options=tuple(choices))

    @override
    async def set(self, chargepoint: Chargepoint, value: str) -> None:
        # Home Assistant has just looked that it is one of the options.
        choices = self._choices(chargepoint.snapshot)
        await chargepoint.set_parameter(self.parameter_id, choices[value])

    def _choices(self, snapshot: ChargepointSnapshot) -> Mapping[str, ParameterValue]:
        parameter = snapshot.capabilities.parameter(self.parameter_id)
        return {} if parameter is None else parameter.choices


def parameter_text(snapshot: ChargepointSnapshot, parameter_id: str) -> str | None:
    """Return the value of a setting in the words of the maker, where there are any."""
    parameter = snapshot.capabilities.parameter(parameter_id)
    value = snapshot.parameters.get(parameter_id)
    if parameter is None or value is None:
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _word(parameter.choices, value) or text


def _word(choices: Mapping[str, ParameterValue], value: ParameterValue | None) -> str | None:
    """Return what the maker calls a value."""
    return next((word for word, each in choices.items() if each == value), None)


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
    if kept is not None and chargepoint.effect(feature, kept).matches(snapshot):
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
