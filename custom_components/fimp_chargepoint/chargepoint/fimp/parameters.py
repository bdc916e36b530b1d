"""Reports of the service `parameters`: the settings a charge point has. Pure.

Source: Futurehome FIMP API, "Parameters service".
"""

from collections.abc import Mapping
from typing import Any, Final, TypeIs

from ..capabilities import Parameter, ParameterKind, ParameterValue, Range
from ..errors import ProtocolError
from ..model import ChargepointSnapshot, parameter_kind
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
    parameter_id = report.get("parameter_id")
    if not _is_id(parameter_id):
        raise ProtocolError("value", f"{message.type} of {parameter_id!r:.80}")
    known = {each.id for each in snapshot.capabilities.parameters}
    if parameter_id not in known and len(snapshot.parameters) >= _PARAMETERS_MAX:
        raise ProtocolError("value", f"one parameter too many: {parameter_id:.80}")
    value = _value(report.get("value"), str(report.get("value_type")))
    return Reading(
        {"parameters": {**snapshot.parameters, parameter_id: value}},
        report=parameter_kind(parameter_id),
    )


def command(parameter: Parameter, value: ParameterValue) -> dict[str, Any]:
    """Return the value of `cmd.param.set`."""
    return {
        "parameter_id": parameter.id,
        "value_type": parameter.value_type,
        # A number comes as a float, and an int must not leave as 16.0.
        "value": _SETTABLE[parameter.value_type](value),
    }


def _parameter(description: Any) -> Parameter | None:
    if not isinstance(description, dict):
        return None
    parameter_id = description.get("parameter_id")
    if not _is_id(parameter_id):
        return None
    value_type = str(description.get("value_type"))[:_TEXT_MAX]
    choices = _choices(description.get("options"), value_type)
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
            numbers = _range(description, value_type)
            kind = ParameterKind.VALUE if numbers is None else ParameterKind.NUMBER
    name = description.get("name")
    return Parameter(
        id=parameter_id,
        name=(name.strip()[:_TEXT_MAX] if isinstance(name, str) else "") or parameter_id,
        kind=kind,
        value_type=value_type,
        choices=choices,
        range=numbers,
    )


def _is_id(parameter_id: Any) -> TypeIs[str]:
    # One that is cut could be taken for another.
    return isinstance(parameter_id, str) and 0 < len(parameter_id) <= _TEXT_MAX


def _choices(options: Any, value_type: str) -> dict[str, ParameterValue]:
    """Return the values by their labels; one without a label of its own is its own."""
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


def _range(description: dict[str, Any], value_type: str) -> Range | None:
    """Return the bounds of a number; None where they make no sense."""
    numbers = Range(
        _bound(description.get("min"), -_INT_MAX),
        _bound(description.get("max"), _INT_MAX),
        1.0 if value_type == "int" else None,
    )
    return numbers if numbers.minimum <= numbers.maximum else None


def _bound(value: Any, default: float) -> float:
    try:
        return expected(value, float, "bound")
    except ProtocolError:
        return default


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
