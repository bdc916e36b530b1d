"""The settings of a charge point: their descriptions and values. Pure.

Source: Futurehome FIMP API, "Parameters service".
"""

from collections.abc import Mapping
from typing import Final, TypeIs

from ..capabilities import Parameter, ParameterKind, ParameterValue, Range
from ..errors import ProtocolError
from ..model import ChargepointSnapshot, parameter_kind
from .message import Message
from .reports import ReportUpdate, expect, expected

#: Maximum number of parameters of one charge point, and of characters of a text.
_PARAMETERS_MAX: Final = 100
_TEXT_MAX: Final = 200
#: The bounds of a number for which the manufacturer states none.
_INT_MAX: Final = 2**31 - 1

#: Value types that can be set, and their Python types.
_SETTABLE: Final[Mapping[str, type[bool | float | str]]] = {
    "bool": bool,
    "int": int,
    "float": float,
    "string": str,
}


def described(message: Message) -> tuple[Parameter, ...]:
    """Read `evt.sup_params.report`, ignoring invalid descriptions.

    Raises:
        ProtocolError: of kind `value`; it is not a list, or none of it is valid.

    """
    # Adapters write an empty list as null.
    descriptions = expect(message, list)[:_PARAMETERS_MAX] if message.value is not None else []
    found = {parameter.id: parameter for parameter in map(_parameter, descriptions) if parameter}
    if descriptions and not found:
        raise ProtocolError("value", f"{message.type}: {message.value!r:.80}")
    return tuple(found.values())


def reported(snapshot: ChargepointSnapshot, message: Message) -> ReportUpdate:
    """Read `evt.param.report`: the value of one parameter."""
    report = expect(message, dict)
    parameter_id = report.get("parameter_id")
    if not _is_id(parameter_id):
        raise ProtocolError("value", f"{message.type} of {parameter_id!r:.80}")
    known = {parameter.id for parameter in snapshot.capabilities.parameters}
    if parameter_id not in known and len(snapshot.parameters) >= _PARAMETERS_MAX:
        raise ProtocolError("value", f"one parameter too many: {parameter_id:.80}")
    value = _value(report.get("value"), str(report.get("value_type")))
    return ReportUpdate(
        {"parameters": {**snapshot.parameters, parameter_id: value}},
        report=parameter_kind(parameter_id),
    )


def command(parameter: Parameter, value: ParameterValue) -> dict[str, object]:
    """Return the value of `cmd.param.set`."""
    return {
        "parameter_id": parameter.id,
        "value_type": parameter.value_type,
        # Numbers come as floats, and an int must not be sent as 16.0.
        "value": _SETTABLE[parameter.value_type](value),
    }


def _parameter(description: object) -> Parameter | None:
    if not isinstance(description, dict):
        return None
    parameter_id, name = description.get("parameter_id"), description.get("name")
    if not _is_id(parameter_id):
        return None
    value_type = str(description.get("value_type"))[:_TEXT_MAX]
    choices = _choices(description.get("options"), value_type)
    kind, numbers = ParameterKind.VALUE, None
    settable = description.get("read_only") is not True
    if settable and description.get("widget_type") in ("select", "input"):
        if value_type == "bool":
            kind = ParameterKind.SWITCH
        elif choices:
            kind = ParameterKind.CHOICE
        elif value_type in ("int", "float"):
            numbers = _range(description, value_type)
            kind = ParameterKind.VALUE if numbers is None else ParameterKind.NUMBER
    return Parameter(
        id=parameter_id,
        name=(name.strip()[:_TEXT_MAX] if isinstance(name, str) else "") or parameter_id,
        kind=kind,
        value_type=value_type,
        choices=choices,
        range=numbers,
    )


def _is_id(parameter_id: object) -> TypeIs[str]:
    # Not truncated: two long ids could become the same.
    return isinstance(parameter_id, str) and 0 < len(parameter_id) <= _TEXT_MAX


def _choices(options: object, value_type: str) -> dict[str, ParameterValue]:
    """Return the values by label; a missing or repeated label is replaced by the value."""
    choices: dict[str, ParameterValue] = {}
    for option in options if isinstance(options, list) else ():
        if not isinstance(option, dict):
            continue
        try:
            value = _value(option.get("value"), value_type)
        except ProtocolError:
            continue
        label = option.get("label")
        name = label[:_TEXT_MAX] if isinstance(label, str) else ""
        choices[str(value) if not name or name in choices else name] = value
    return choices


def _range(description: Mapping[str, object], value_type: str) -> Range | None:
    """Return the bounds of a number; None if they are invalid."""

    def bound(key: str, default: float) -> float:
        try:
            return expected(description.get(key), float, key)
        except ProtocolError:
            return default

    step = 1.0 if value_type == "int" else None
    numbers = Range(bound("min", -_INT_MAX), bound("max", _INT_MAX), step)
    return numbers if numbers.minimum <= numbers.maximum else None


def _value(value: object, value_type: str) -> ParameterValue:
    """Return the value of a parameter; a list becomes a text.

    Raises:
        ProtocolError: of kind `value`.

    """
    if value_type.endswith("_array"):
        return ", ".join(map(str, expected(value, list, value_type)))[:_TEXT_MAX]
    kind = _SETTABLE.get(value_type)
    if kind is None:
        raise ProtocolError("value", f"a parameter of type {value_type:.80}")
    found = expected(value, kind, value_type)
    return found[:_TEXT_MAX] if isinstance(found, str) else found
