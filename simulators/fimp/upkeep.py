"""The commands that look after a charge point: reboot, diagnostics, alarms."""

from collections.abc import Callable

from .chargepoint import FimpChargepoint
from .command import Command
from .message import Report, Request

_LINK_QUALITY = 168
_SIGNAL_STRENGTH = -61


def _reboot(point: FimpChargepoint, request: Request) -> None:
    point.reboot()
    point.adapter.reply_success(request)


def _diagnose(
    name: str, val_t: str, value: Callable[[FimpChargepoint], object], title: str = ""
) -> dict[str, Command]:
    """Make the command that asks for one diagnostic value; nobody hears it unasked."""

    def act(point: FimpChargepoint, _request: Request) -> None:
        point.say(Report("diagnostic", f"evt.{name}.report", val_t, value(point)))

    words = f"failed to retrieve {title or name.replace('_', ' ')} report"
    failing = "failed to send diagnostic report"
    return {f"cmd.{name}.get_report": Command(act, failing, words)}


def _tell_alarms(point: FimpChargepoint, _request: Request) -> None:
    # Whichever event is asked for, adapters report them all.
    point.answer("alarms")


SYSTEM: dict[str, Command] = {
    "cmd.thing.reboot": Command(_reboot, "failed to reboot", takes="bool"),
}
"""Commands of the service ``dev_sys``."""

DIAGNOSTICS: dict[str, Command] = {
    **_diagnose("lqi", "int", lambda _point: _LINK_QUALITY, "LQI"),
    **_diagnose("rssi", "int", lambda _point: _SIGNAL_STRENGTH, "RSSI"),
    **_diagnose("reboot_reason", "string", lambda point: point.reboot_reason),
    **_diagnose("reboots_count", "int", lambda point: point.reboots),
    **_diagnose("uptime", "int", lambda point: point.uptime),
    **_diagnose("errors", "str_array", lambda point: point.errors),
}
"""Commands of the service ``diagnostic``."""

ALARMS: dict[str, Command] = {
    "cmd.alarm.get_report": Command(
        _tell_alarms, "failed to send alarm report", "failed to get alarm report"
    ),
}
"""Commands of the service ``alarm_system``."""
