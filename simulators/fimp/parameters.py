"""The commands for parameters, and the values that they reject."""

from collections.abc import Callable
from typing import Any

from .chargepoint import FimpChargepoint
from .command import Command, RefusedError
from .message import Report, Request

_CLOUD_SECONDS = 0.2

_IS_A: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: type(value) is int,
    "string": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int_array": lambda value: isinstance(value, list) and all(type(item) is int for item in value),
    # The documentation calls it str_array, the adapters string_array.
    "string_array": lambda value: (
        isinstance(value, list) and all(isinstance(item, str) for item in value)
    ),
}


def _get_all(point: FimpChargepoint, _request: Request) -> None:
    known = list(point.profile.parameters)
    point.send_report(Report("parameters", "evt.sup_params.report", "object", known))


def _get(point: FimpChargepoint, request: Request) -> None:
    about = _find(point, request.val)
    if about is None:
        raise RefusedError(f"failed to get parameter ID {request.val}: parameter not found")
    _tell(point, about)


def _set(point: FimpChargepoint, request: Request) -> None:
    name, kind = (request.val.get(key, "") for key in ("parameter_id", "value_type"))
    value = request.val.get("value")
    if complaint := _misshapen(kind, value):
        raise RefusedError(f"failed to Validate parameter: {complaint}")
    about = _find(point, name)
    if about is None:
        raise RefusedError(
            f"failed to get parameter specification: parameter specification id '{name}' not found"
        )
    if about["read_only"]:
        raise RefusedError("parameter is read only")
    if complaint := _unfit(about, kind, value):
        raise RefusedError(f"failed to Validate parameter: {complaint}")
    if point.profile.cloud:
        # It replies with the old value first.
        _tell(point, about)
        point.adapter.spawn(_set_later(point, about, value))
    else:
        point.parameters[name] = value
        _tell(point, about)


def _misshapen(kind: object, value: object) -> str:
    """Return what is wrong with a value for any parameter."""
    if not isinstance(kind, str) or kind not in _IS_A:
        return f"value type '{kind}' is not allowed"
    if not _IS_A[kind](value):
        return f"value of type json.RawMessage is not allowed for type {kind}"
    return ""


def _unfit(about: dict[str, Any], kind: str, value: Any) -> str:
    """Return what is wrong with a value of the right type."""
    expected = about["value_type"]
    if kind != expected:
        return f"parameter value type '{kind}' does not match specification value type '{expected}'"
    if about["widget_type"] == "input":
        return _out_of_bounds(about, value) if kind == "int" else ""
    allowed = [option["value"] for option in about.get("options", ())]
    chosen = value if isinstance(value, list) else [value]
    if any(item not in allowed for item in chosen):
        return f"parameter value '{value}' is not allowed"
    return ""


def _out_of_bounds(about: dict[str, Any], value: int) -> str:
    for wrong, word, bound in (
        (value < about.get("min", value), "lower than allowed minimum", "min"),
        (value > about.get("max", value), "higher than allowed maximum", "max"),
    ):
        if wrong:
            return f"parameter value '{value}' {word} '{about[bound]}'"
    return ""


async def _set_later(point: FimpChargepoint, about: dict[str, Any], value: object) -> None:
    await point.adapter.sleep(_CLOUD_SECONDS)
    point.parameters[about["parameter_id"]] = value
    _tell(point, about)


def _find(point: FimpChargepoint, name: object) -> dict[str, Any] | None:
    known = (about for about in point.profile.parameters if about["parameter_id"] == name)
    return next(known, None)


def _tell(point: FimpChargepoint, about: dict[str, Any]) -> None:
    name = about["parameter_id"]
    value = {
        "parameter_id": name,
        "value_type": about["value_type"],
        "value": point.parameters[name],
    }
    storage = {"strategy": "aggregate", "sub_value": name}
    point.send_report(Report("parameters", "evt.param.report", "object", value, None, storage))


PARAMETERS: dict[str, Command] = {
    "cmd.sup_params.get_report": Command(_get_all, "failed to send supported parameters report"),
    "cmd.param.get_report": Command(
        _get, "failed to send parameter report", takes="string", noun="parameter"
    ),
    "cmd.param.set": Command(_set, "failed to set a parameter", takes="object", noun="parameter"),
}
"""Commands of the service ``parameters``."""
