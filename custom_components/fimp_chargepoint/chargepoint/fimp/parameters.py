"""Reports of the service `parameters`: the settings a charge point has. Pure.

Source: Futurehome FIMP API, "Parameters service".
"""

from collections.abc import Mapping
from typing import Any, Final

from ..base import parameter_kind
from ..errors import ProtocolError
from ..model import (
    ChargepointSnapshot,
    Parameter,
    ParameterKind,
    ParameterValue,
    Range,
)
from .message import Message
from .reports import Reading, expect, expected

#: Parameters of one charge point that are looked at, and characters of a text.
_PARAMETERS_MAX: Final = 100
_TEXT_MAX: Final = 200
#: What an int is where its maker says nothing.
_INT_MAX: Final = 2**31 - 1

#: Value types that can be set, and what they are here.
_SETTABLE: Final[Mapping[str, type]] = {
    "bool": bool,
    "int": int,
    "float": float,
    "string": str,
}
_TYPES: Final = {kind: name for name, kind in _SETTABLE.items()}


def described(message: Message) -> tuple[Parameter, ...]:
    """Read `evt.sup_params.report`; a description that makes no sense is left out.

    Raises:
        ProtocolError: of kind `value`, where there is no list, or no sense in all of it.

    """
    # Null is how an adapter writes an empty list.
    descriptions = expect(message, list)[:_PARAMETERS_MAX] if message.value is not None else []
    found = [each for each in map(_parameter, descriptions) if each is not None]
    if descriptions and not found:
        raise ProtocolError("value", f"{message.type}: {message.value!r:.80}")
    return tuple({each.id: each for each in found}.values())


def reported(snapshot: ChargepointSnapshot, message: Message) -> Reading:
    """Read `evt.param.report`: the value of one parameter."""
    report = expect(message, dict)
    parameter_id = expected(report.get("parameter_id"), str, "parameter_id")
    known = {each.id for each in snapshot.capabilities.parameters}
    if parameter_id not in known and len(snapshot.parameters) >= _PARAMETERS_MAX:
        raise ProtocolError("value", f"one parameter too many: {parameter_id:.80}")
    value = _value(report.get("value"), str(report.get("value_type")))
    return Reading(
        {"parameters": {**snapshot.parameters, parameter_id: value}},
        evidence=parameter_kind(parameter_id),
    )


def command(parameter: Parameter, value: ParameterValue) -> dict[str, Any]:
    """Return the value of `cmd.param.set`."""
    if parameter.range is not None and parameter.range.step == 1:
        value = int(value)
    return {
        "parameter_id": parameter.id,
        "value_type": _TYPES[type(value)],
        "value": value,
    }


def _parameter(description: Any) -> Parameter | None:
    if not isinstance(description, dict):
        return None
    parameter_id = description.get("parameter_id")
    if not isinstance(parameter_id, str) or not parameter_id:
        return None
    value_type = description.get("value_type")
    choices = _choices(description.get("options"), str(value_type))
    kind, numbers = ParameterKind.VALUE, None
    if description.get("read_only") is not True and description.get("widget_type") in (
        "select",
        "input",
    ):
        if value_type == "bool":
            kind = ParameterKind.SWITCH
        elif choices:
            kind = ParameterKind.CHOICE
        elif value_type in ("int", "float"):
            kind = ParameterKind.NUMBER
            numbers = Range(
                _bound(description.get("min"), -_INT_MAX),
                _bound(description.get("max"), _INT_MAX),
                1.0 if value_type == "int" else 0.1,
            )
            if numbers.minimum > numbers.maximum:
                kind, numbers = ParameterKind.VALUE, None
    name = description.get("name")
    return Parameter(
        id=parameter_id,
        name=name.strip()[:_TEXT_MAX]
        if isinstance(name, str) and name.strip()
        else parameter_id,
        kind=kind,
        choices=choices if kind is ParameterKind.CHOICE else {},
        range=numbers,
    )


def _choices(options: Any, value_type: str) -> dict[str, ParameterValue]:
    """Return the values by their labels; one without a label is its own."""
    choices: dict[str, ParameterValue] = {}
    for option in options if isinstance(options, list) else ():
        value = option.get("value") if isinstance(option, dict) else None
        # A bool is no int here.
        if (
            isinstance(value, bool | int | float | str)
            and _TYPES.get(type(value)) == value_type
        ):
            label = option.get("label")
            choices[label if isinstance(label, str) and label else str(value)] = value
    return choices


def _bound(value: Any, default: float) -> float:
    valid = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if valid else default


def _value(value: Any, value_type: str) -> ParameterValue:
    """Return the value of a parameter; what is a list is written out.

    Raises:
        ProtocolError: of kind `value`.

    """
    if value_type.endswith("_array"):
        return ", ".join(map(str, expected(value, list, value_type)))[:_TEXT_MAX]
    kind = _SETTABLE.get(value_type)
    if kind is None:
        raise ProtocolError("value", f"a parameter of type {value_type:.80}")
    found: ParameterValue = expected(value, kind, value_type)
    return found[:_TEXT_MAX] if isinstance(found, str) else found


READERS: Final = {"evt.param.report": reported}
