"""What a FIMP charge point can be told, and how it says no."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from simulators.car import MIN_CURRENT

from .message import Report, Request

if TYPE_CHECKING:
    from .chargepoint import FimpChargepoint

_SET_CURRENT_SECONDS = 3.0
_BETWEEN_CURRENTS_SECONDS = 30.0
_CHARGING = ("charging", "suspended_by_ev", "suspended_by_evse")

# The type of a value on the wire, what JSON makes of it and what Go calls it.
_TYPES: dict[str, tuple[type, str]] = {
    "int": (int, "int64"),
    "bool": (bool, "bool"),
    "string": (str, "string"),
    "object": (dict, "object"),
}

# Cliffhanger says the same whether a feature lacks as a whole or only its setter,
# except for the cable lock.
_LACKING = {
    "max_current": "adjusting max current is not supported",
    "offered_current": "adjusting offered current is not supported",
    "phase_mode": "adjusting phase modes is not supported",
    "phase_mode.set": "adjusting phase modes is not supported",
    "cable_lock": "aware cable lock is not supported",
    "cable_lock.set": "adjusting cable lock is not supported",
}


class RefusedError(Exception):
    """The service refuses a command; the text ends up in ``evt.error.report``."""


class DeviceRefusedError(RefusedError):
    """The charge point behind the service refuses a command."""


class WrongFormatError(RefusedError):
    """The value of a command is not what it should be."""


class IgnoredError(Exception):
    """The message is dropped without an answer."""


@dataclass(frozen=True)
class Command:
    """One command: what it does, what it needs, and how its failure is worded."""

    act: Callable[[FimpChargepoint, Request], None]
    failing: str
    device: str = ""
    """How a refusal of the charge point itself begins; ``{val}`` is the value."""
    needs: tuple[str, ...] = ()
    takes: str = ""
    noun: str = ""
    changes: bool = False
    """Whether it changes anything, so that a charge point can refuse it."""


def obey(point: FimpChargepoint, request: Request) -> None:
    """Carry a command out, or say why not."""
    command = COMMANDS[request.service].get(request.type)
    if command is None:
        return
    beginning = f"{command.failing}: {request.service}: "
    try:
        command.act(point, _checked(point, command, request))
    except IgnoredError:
        return
    except WrongFormatError as refusal:
        reason = str(refusal)
    except DeviceRefusedError as refusal:
        device = command.device.format(val=str(request.val).lower())
        reason = f"{beginning}{device}: {refusal}" if device else f"{beginning}{refusal}"
    except RefusedError as refusal:
        reason = f"{beginning}{refusal}"
    else:
        return
    point.adapter.reply_error(request, f"{point.profile.words}{reason}")


def _checked(point: FimpChargepoint, command: Command, request: Request) -> Request:
    """Find out whether a command can be carried out at all."""
    if command.takes:
        request = _typed(point, command, request)
    for feature in command.needs:
        if not point.profile.has(feature):
            raise RefusedError(_LACKING[feature])
    if not point.reachable:
        raise DeviceRefusedError(point.offline_words)
    if command.changes and point.refusal:
        raise DeviceRefusedError(point.refusal)
    return request


def _typed(point: FimpChargepoint, command: Command, request: Request) -> Request:
    """Check the value of a command, the way Go does."""
    expected, name = _TYPES[command.takes]
    if request.val_t != command.takes:
        value = request.val
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        raise WrongFormatError(
            f"provided {command.noun} value has an incorrect format: "
            f"wrong value type. expected {name}, got {value}"
        )
    if type(request.val) is expected:
        return request
    if expected is int and not point.profile.drops_fractions:
        return replace(request, val=0)
    raise IgnoredError


# The commands themselves ----------------------------------------------------------


def _get(kind: str) -> Callable[[FimpChargepoint, Request], None]:
    """Make the command that asks for reports of a kind."""

    def act(point: FimpChargepoint, _request: Request) -> None:
        point.answer(kind)

    return act


def _start(point: FimpChargepoint, request: Request) -> None:
    profile = point.profile
    mode = request.props.get("charging_mode", "").lower()
    if mode and profile.modes and mode not in profile.modes:
        known = " ".join(profile.modes)
        raise DeviceRefusedError(f"unsupported mode: {mode}: supported modes: [{known}]")
    if profile.strict and point.state != "ready_to_charge":
        raise DeviceRefusedError(f"cannot start charging in state {point.state}")
    if mode in profile.modes:
        point.session_current = profile.modes[mode]
    if point.connector.plugged:
        point.allowed = True
    _tell_start_or_stop(point, "state")


def _stop(point: FimpChargepoint, _request: Request) -> None:
    if point.profile.strict and point.state not in _CHARGING:
        raise DeviceRefusedError(f"cannot stop charging in state {point.state}")
    point.allowed = False
    # Behind a cloud the new state is not heard of before the next poll.
    _tell_start_or_stop(point)


def _tell_start_or_stop(point: FimpChargepoint, *soon: str) -> None:
    """Report at once, which is old news where a cloud is in between."""
    if point.profile.cloud:
        point.adapter.spawn(point.later(*soon, "session", "meter", "meter_ext"))
    else:
        point.apply()
    point.answer("state")
    point.answer("session")


def _set_max_current(point: FimpChargepoint, request: Request) -> None:
    point.max_current = _current(point, request)
    if point.profile.cloud:
        news = point.later("session", "meter", "meter_ext", forced="max_current")
        point.adapter.spawn(news)
    else:
        point.apply()
        point.answer("max_current")


def _set_session_current(point: FimpChargepoint, request: Request) -> None:
    point.session_current = _current(point, request)
    if point.profile.cloud:
        point.adapter.spawn(_set_session_current_slowly(point))
    else:
        point.apply()
        point.answer("session")


async def _set_session_current_slowly(point: FimpChargepoint) -> None:
    await point.adapter.sleep(_SET_CURRENT_SECONDS)
    point.answer("session")
    await point.later("session", "meter", "meter_ext")


def _current(point: FimpChargepoint, request: Request) -> int:
    """Read a current, which has its limits."""
    amps, least, most = int(request.val), int(MIN_CURRENT), point.profile.max_current
    if amps < least:
        raise RefusedError(
            f"configured current must be at least {least}A, received {amps}A instead"
        )
    if amps > most:
        raise RefusedError(
            f"configured current must not exceed {most}A, received {amps}A instead"
        )
    if point.profile.cloud:
        now = point.connector.clock()
        pause = _BETWEEN_CURRENTS_SECONDS * point.adapter.timing.pace
        if now - point.current_set_at < pause:
            raise DeviceRefusedError("too many requests")
        point.current_set_at = now
    return amps


def _set_phase_mode(point: FimpChargepoint, request: Request) -> None:
    if request.val not in point.profile.phase_modes:
        raise RefusedError(f"unsupported phase mode: {request.val}")
    point.phase_mode = request.val
    point.apply()
    point.answer("phase_mode")


def _set_cable_lock(point: FimpChargepoint, request: Request) -> None:
    if not request.val and point.state in _CHARGING:
        raise DeviceRefusedError("cannot unlock the cable while charging")
    point.locked = request.val
    point.answer("cable_lock")


def _get_meter(point: FimpChargepoint, request: Request) -> None:
    unit = request.val or ""
    if unit and unit not in point.profile.units:
        raise RefusedError(f"unit is unsupported: {unit}")
    for report in point.know("meter"):
        if unit in ("", (report.props or {})["unit"]):
            point.say(report)


def _get_meter_ext(point: FimpChargepoint, request: Request) -> None:
    if not point.profile.values:
        raise RefusedError("extended meter report is not supported")
    for report in point.know("meter_ext"):
        wanted = request.val if isinstance(request.val, list) else report.val
        values = {name: report.val[name] for name in report.val if name in wanted}
        point.say(replace(report, val=values))


def _get_parameters(point: FimpChargepoint, _request: Request) -> None:
    known = list(point.profile.parameters)
    point.say(Report("parameters", "evt.sup_params.report", "object", known))


def _get_parameter(point: FimpChargepoint, request: Request) -> None:
    _tell_parameter(point, _parameter(point, request.val))


def _set_parameter(point: FimpChargepoint, request: Request) -> None:
    value = request.val.get("value")
    about = _parameter(point, request.val.get("parameter_id"))
    expected = _TYPES[about["value_type"]][0]
    if type(value) is not expected:
        raise RefusedError(
            f"failed to Validate parameter: parameter value '{value}' is invalid"
        )
    for wrong, word, bound in (
        (value > about.get("max", value), "higher than allowed maximum", "max"),
        (value < about.get("min", value), "lower than allowed minimum", "min"),
    ):
        if wrong:
            raise RefusedError(
                "failed to Validate parameter: "
                f"parameter value '{value}' {word} '{about[bound]}'"
            )
    if point.profile.cloud:
        # It answers with the old value first.
        _tell_parameter(point, about)
        point.adapter.spawn(_set_parameter_later(point, about, value))
    else:
        point.parameters[about["parameter_id"]] = value
        _tell_parameter(point, about)


async def _set_parameter_later(
    point: FimpChargepoint, about: dict[str, Any], value: object
) -> None:
    await point.adapter.sleep(0.2)
    point.parameters[about["parameter_id"]] = value
    _tell_parameter(point, about)


def _parameter(point: FimpChargepoint, name: object) -> dict[str, Any]:
    for about in point.profile.parameters:
        if about["parameter_id"] == name:
            return about
    raise RefusedError(f"parameter not found: {name}")


def _tell_parameter(point: FimpChargepoint, about: dict[str, Any]) -> None:
    name = about["parameter_id"]
    value = {
        "parameter_id": name,
        "value_type": about["value_type"],
        "value": point.parameters[name],
    }
    storage = {"strategy": "aggregate", "sub_value": name}
    point.say(Report("parameters", "evt.param.report", "object", value, None, storage))


def _reboot(point: FimpChargepoint, request: Request) -> None:
    point.adapter.reply_success(request)


def _asking(name: str, kind: str, *needs: str, what: str = "chargepoint ") -> Command:
    return Command(
        _get(kind),
        f"failed to send {what}{name} report",
        f"failed to retrieve {name} report",
        needs,
    )


COMMANDS: dict[str, dict[str, Command]] = {
    "chargepoint": {
        "cmd.charge.start": Command(
            _start, "failed to start charging", "failed to start charging", changes=True
        ),
        "cmd.charge.stop": Command(
            _stop, "failed to stop charging", "failed to stop charging", changes=True
        ),
        "cmd.state.get_report": _asking("state", "state"),
        "cmd.current_session.get_report": _asking("current session", "session"),
        "cmd.max_current.get_report": _asking("max current", "max_current", "max_current"),
        "cmd.phase_mode.get_report": _asking("phase mode", "phase_mode", "phase_mode"),
        "cmd.cable_lock.get_report": _asking("cable lock", "cable_lock", "cable_lock"),
        "cmd.max_current.set": Command(
            _set_max_current,
            "failed to set chargepoint max current",
            "failed to set max current to {val}",
            ("max_current",),
            "int",
            "current",
            changes=True,
        ),
        "cmd.current_session.set_current": Command(
            _set_session_current,
            "failed to set chargepoint offered current",
            "failed to set offered current to {val}",
            ("offered_current",),
            "int",
            "current",
            changes=True,
        ),
        "cmd.phase_mode.set": Command(
            _set_phase_mode,
            "failed to set chargepoint phase mode",
            "failed to set phase mode to {val}",
            ("phase_mode", "phase_mode.set"),
            "string",
            "phase mode",
            changes=True,
        ),
        "cmd.cable_lock.set": Command(
            _set_cable_lock,
            "failed to set chargepoint cable lock",
            "failed to set cable lock to {val}",
            ("cable_lock", "cable_lock.set"),
            "bool",
            "cable lock",
            changes=True,
        ),
    },
    "meter_elec": {
        "cmd.meter.get_report": Command(_get_meter, "failed to send meter report"),
        "cmd.meter_ext.get_report": Command(
            _get_meter_ext, "failed to send meter extended report"
        ),
    },
    "parameters": {
        "cmd.sup_params.get_report": Command(
            _get_parameters, "failed to send supported parameters report"
        ),
        "cmd.param.get_report": Command(
            _get_parameter, "failed to send parameter report", takes="string", noun="parameter"
        ),
        "cmd.param.set": Command(
            _set_parameter, "failed to set a parameter", takes="object", noun="parameter"
        ),
    },
    "dev_sys": {
        "cmd.thing.reboot": Command(_reboot, "failed to reboot", takes="bool"),
    },
    "alarm_system": {},
}
