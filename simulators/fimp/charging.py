"""The commands of the chargepoint service: start and stop, currents, phases, lock."""

from typing import TYPE_CHECKING

from simulators.car import MIN_CURRENT

from .command import Act, Command, DeviceRefusedError, RefusedError
from .message import Request
from .reports import state_report

if TYPE_CHECKING:
    from .chargepoint import FimpChargepoint

_SET_CURRENT_SECONDS = 3.0
_CHARGING = ("charging", "suspended_by_ev", "suspended_by_evse")


def _get(kind: str) -> Act:
    """Return the command that requests the reports of a kind."""

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
    if point.adapter.habits.between_currents:
        _pace(point, "client: failed to update dynamic current: too many requests")
        point.current_set_at = point.connector.clock()
    anew = point.adapter.habits.starts_anew
    if mode in profile.modes and (mode == "slow" or not anew):
        point.session_current = profile.modes[mode]
    elif anew:
        point.session_current = point.requested_current or point.max_current
    if point.connector.plugged:
        point.allowed, point.stopped = True, False
    _tell_start_or_stop(point, "charging", "state")


def _stop(point: FimpChargepoint, _request: Request) -> None:
    if point.profile.strict and point.state not in _CHARGING:
        raise DeviceRefusedError(f"cannot stop charging in state {point.state}")
    _pace(point, "client: failed to stop charging: too many requests to the charger")
    point.stopped, point.allowed = point.stopped or point.allowed, False
    # Behind a cloud the new state is reported with the next poll.
    _tell_start_or_stop(point, "ready_to_charge")


def _tell_start_or_stop(point: FimpChargepoint, expected: str, *soon: str) -> None:
    """Report at once, which is outdated or a mere guess if a cloud is in between."""
    if point.profile.cloud:
        point.adapter.spawn(point.later(*soon, "session", "meter", "meter_ext"))
    else:
        point.apply()
    if point.profile.hopeful:
        point.send_report(state_report(expected))
        return
    point.answer("state")
    point.answer("session")


def _set_max_current(point: FimpChargepoint, request: Request) -> None:
    point.max_current = _current(point, request, "too many requests")
    if point.profile.cloud:
        news = point.later("session", "meter", "meter_ext", forced="max_current")
        point.adapter.spawn(news)
    else:
        point.apply()
        point.answer("max_current")


def _set_session_current(point: FimpChargepoint, request: Request) -> None:
    words = "client: failed to update dynamic current: too many requests"
    point.session_current = point.requested_current = _current(point, request, words)
    if point.profile.cloud:
        point.adapter.spawn(_set_session_current_slowly(point))
    else:
        point.apply()
        point.answer("session")


async def _set_session_current_slowly(point: FimpChargepoint) -> None:
    await point.adapter.sleep(_SET_CURRENT_SECONDS)
    point.answer("session")
    await point.later("session", "meter", "meter_ext")


def _pace(point: FimpChargepoint, words: str) -> None:
    """Refuse a command with this text if it follows the last change of a current too soon."""
    pause = point.adapter.habits.between_currents * point.adapter.timing.pace
    if point.connector.clock() - point.current_set_at < pause:
        raise DeviceRefusedError(words)


def _current(point: FimpChargepoint, request: Request, hasty: str) -> int:
    """Return a current within its limits; refuse it as `hasty` if it comes too soon."""
    amps, least, most = int(request.val), int(MIN_CURRENT), point.profile.max_current
    if amps < least:
        raise RefusedError(
            f"configured current must be at least {least}A, received {amps}A instead"
        )
    if amps > most:
        raise RefusedError(f"configured current must not exceed {most}A, received {amps}A instead")
    if point.adapter.habits.between_currents:
        _pace(point, hasty)
        point.current_set_at = point.connector.clock()
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


def _asking(name: str, kind: str, *needs: str) -> Command:
    return Command(
        _get(kind),
        f"failed to send chargepoint {name} report",
        f"failed to retrieve {name} report",
        needs,
    )


CHARGING: dict[str, Command] = {
    "cmd.charge.start": Command(
        _start,
        "failed to start charging",
        "failed to start charging",
        changes=True,
        reported="state",
    ),
    "cmd.charge.stop": Command(
        _stop,
        "failed to stop charging",
        "failed to stop charging",
        changes=True,
        reported="state",
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
        reported="max current",
    ),
    "cmd.current_session.set_current": Command(
        _set_session_current,
        "failed to set chargepoint offered current",
        "failed to set offered current to {val}",
        ("offered_current",),
        "int",
        "current",
        changes=True,
        reported="current session",
    ),
    "cmd.phase_mode.set": Command(
        _set_phase_mode,
        "failed to set chargepoint phase mode",
        "failed to set phase mode to {val}",
        ("phase_mode", "phase_mode.set"),
        "string",
        "phase mode",
        changes=True,
        reported="phase mode",
    ),
    "cmd.cable_lock.set": Command(
        _set_cable_lock,
        "failed to set chargepoint cable lock",
        "failed to set cable lock to {val}",
        ("cable_lock", "cable_lock.set"),
        "bool",
        "cable lock",
        changes=True,
        reported="cable lock",
    ),
}
"""Commands of the service ``chargepoint``."""
