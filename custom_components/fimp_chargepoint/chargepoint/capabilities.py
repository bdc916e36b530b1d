"""What a charge point can report and accept, and the settings its maker gave it.

Part of the vocabulary of `model`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
import math
from typing import Final, NamedTuple

from .errors import InvalidRequestError, OutOfRangeError
from .features import Feature

#: The units of the features that are numbers.
UNITS: Final = {
    Feature.MAX_CURRENT: "A",
    Feature.MAX_POWER: "W",
    Feature.SESSION_CURRENT: "A",
    Feature.RANDOM_DELAY_DURATION: "s",
}


class Range(NamedTuple):
    """The permitted values of a number, including both ends.

    `step` is the resolution of the charge point, None if it accepts any value.
    """

    minimum: float
    maximum: float
    step: float | None = 1.0

    def clamp_to_step(self, value: float, unit: str = "") -> float:
        """Return `value` rounded down to a step of the charge point.

        The `unit` is for the error.

        Raises:
            OutOfRangeError: it is outside the range.

        """
        if not self.minimum <= value <= self.maximum:
            raise OutOfRangeError(value, self.minimum, self.maximum, unit)
        if self.step is None:
            return value
        # A value that is minimally below a step is meant to be that step.
        steps = math.floor((value - self.minimum) / self.step + 1e-6)
        # Avoid binary rounding noise, which no charge point would send back.
        return round(self.minimum + steps * self.step, 6)


type ParameterValue = bool | float | str


class ParameterKind(StrEnum):
    """How a parameter is set; a flag and a value are read-only."""

    SWITCH = "switch"
    NUMBER = "number"
    CHOICE = "choice"
    FLAG = "flag"
    VALUE = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A setting of a charge point as its maker describes it.

    `choices` are the values by their readable names, `value_type` is the protocol's name for the
    type of the value.
    """

    id: str
    name: str
    kind: ParameterKind
    value_type: str = ""
    choices: Mapping[str, ParameterValue] = field(default_factory=dict)
    range: Range | None = None

    def validate(self, value: ParameterValue) -> ParameterValue:
        """Return what the parameter accepts for `value`.

        Raises:
            InvalidRequestError: it accepts nothing like it.

        """
        if self.range is not None:
            if isinstance(value, int | float) and not isinstance(value, bool):
                return self.range.clamp_to_step(value)
        elif self.kind is ParameterKind.CHOICE:
            # Python takes True for 1.
            if (value, type(value) is bool) in (
                (choice, type(choice) is bool) for choice in self.choices.values()
            ):
                return value
        elif isinstance(value, bool):
            return value
        raise InvalidRequestError("invalid_value", setting=self.name, value=str(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a charge point can report and what can be set. May change at run time.

    `options` and `ranges` are the permitted values of controls that are more than on and off;
    `assumed` are the controls that it never reports. `lasting` are the fields of the snapshot that
    it stores in non-volatile memory, which wears out by writing; so do all parameters.
    """

    reports: frozenset[Feature] = frozenset()
    controls: frozenset[Feature] = frozenset()
    options: Mapping[Feature, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[Feature, Range] = field(default_factory=dict)
    assumed: frozenset[Feature] = frozenset()
    parameters: tuple[Parameter, ...] = ()
    lasting: frozenset[str] = frozenset()

    def reporting(self, *features: Feature) -> Capabilities:
        """Return the capabilities with `features`, which were observed in reports."""
        if self.reports.issuperset(features):
            return self
        return replace(self, reports=self.reports.union(features))

    def parameter(self, parameter_id: str) -> Parameter | None:
        """Return the parameter with that id, None if there is none."""
        return next((each for each in self.parameters if each.id == parameter_id), None)
