"""What a charge point will take for a value that somebody asks for. Pure."""

import math

from ..capabilities import Parameter, ParameterKind, ParameterValue, Range
from ..errors import InvalidRequestError, OutOfRangeError


def validate_parameter(parameter: Parameter, value: ParameterValue) -> ParameterValue:
    """Return what a parameter will take for `value`, or raise."""
    if parameter.range is not None:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif parameter.kind is ParameterKind.CHOICE:
        # True is no 1 here.
        fits = any(
            each == value and isinstance(each, bool) is isinstance(value, bool)
            for each in parameter.choices.values()
        )
    else:
        fits = isinstance(value, bool)
    if not fits:
        raise InvalidRequestError(f"{parameter.name}: {value}")
    if parameter.range is not None and not isinstance(value, str):
        return clamp_to_step(parameter.range, value)
    return value


def clamp_to_step(numbers: Range, value: float) -> float:
    """Return `value` in steps of the charge point, never more than was asked for."""
    if not numbers.minimum <= value <= numbers.maximum:
        raise OutOfRangeError(value, numbers.minimum, numbers.maximum)
    if numbers.step is None:
        return value
    # A hair's breadth below a step is meant to be that step.
    steps = math.floor((value - numbers.minimum) / numbers.step + 1e-6)
    # Without the noise of binary fractions, which no charge point would send back.
    return round(numbers.minimum + steps * numbers.step, 6)
