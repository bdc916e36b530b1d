"""Controls: what can be set of a charge point, how it is shown, and how it is set.

`Capabilities.controls` and `Capabilities.parameters` say which of them a charge point has.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

from .chargepoint import Chargepoint, ParameterValue, Range
from .chargepoint.model import ChargepointSnapshot, Feature, Reason, parameter_kind


class ControlState[V: ParameterValue](NamedTuple):
    """All that is shown of a control; the `value` is the requested one, else the confirmed one.

    `pending` is whether a request is not confirmed yet, `assumed` whether the charge point
    never reports it. `range` and `options` limit what it can be set to. `no_readings` is why
    its state is unknown although it can be set.
    """

    value: V | None
    pending: bool
    assumed: bool = False
    range: Range | None = None
    options: tuple[str, ...] = ()
    no_readings: Reason | None = None


@dataclass(frozen=True)
class Control[V: ParameterValue]:
    """How something that can be set is read from a snapshot, and how it is set.

    `set_fn` returns when the charge point has confirmed it.
    """

    state_fn: Callable[[ChargepointSnapshot], ControlState[V]]
    set_fn: Callable[[Chargepoint, V], Awaitable[None]]


def feature_control[V: ParameterValue](
    feature: Feature,
    value_fn: Callable[[ChargepointSnapshot], V | None],
    set_fn: Callable[[Chargepoint, V], Awaitable[None]] | None = None,
) -> Control[V]:
    """Return the control of a feature."""

    def state(snapshot: ChargepointSnapshot) -> ControlState[V]:
        capabilities, requested = snapshot.capabilities, snapshot.pending.get(feature)
        return ControlState(
            value_fn(snapshot) if requested is None else requested,
            pending=requested is not None,
            assumed=feature in capabilities.assumed,
            range=capabilities.ranges.get(feature),
            options=capabilities.options.get(feature, ()),
        )

    async def set_feature(charge_point: Chargepoint, value: V) -> None:
        await charge_point.set(feature, value)

    return Control(state, set_fn or set_feature)


def parameter_control[V: ParameterValue](parameter_id: str, kind: type[V]) -> Control[V]:
    """Return the control of a setting of the manufacturer's; a choice is one of its words."""

    def state(snapshot: ChargepointSnapshot) -> ControlState[V]:
        parameter = snapshot.capabilities.parameter(parameter_id)
        requested = snapshot.pending.get(parameter_kind(parameter_id))
        value = snapshot.parameters.get(parameter_id) if requested is None else requested
        choices = {} if parameter is None else parameter.choices
        if kind is str:
            value = _word(choices, value)
        return ControlState(
            # Its kind says what it is.
            cast("V | None", value),
            pending=requested is not None,
            range=None if parameter is None else parameter.range,
            options=tuple(choices),
        )

    async def set_parameter(charge_point: Chargepoint, value: V) -> None:
        parameter = charge_point.snapshot.capabilities.parameter(parameter_id)
        if kind is str and parameter is not None:
            # Home Assistant has just checked that it is one of the options.
            await charge_point.set_parameter(parameter_id, parameter.choices[str(value)])
        else:
            await charge_point.set_parameter(parameter_id, value)

    return Control(state, set_parameter)


def parameter_text(snapshot: ChargepointSnapshot, parameter_id: str) -> str | None:
    """Return the value of a setting in the manufacturer's words, if there are any."""
    parameter = snapshot.capabilities.parameter(parameter_id)
    value = snapshot.parameters.get(parameter_id)
    if parameter is None or value is None:
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _word(parameter.choices, value) or text


def _word(choices: Mapping[str, ParameterValue], value: ParameterValue | None) -> str | None:
    """Return what the manufacturer calls a value."""
    return next((word for word, choice in choices.items() if choice == value), None)
