"""The commands to all services of a FIMP charge point, and their replies."""

from collections.abc import Callable
from dataclasses import replace

from .chargepoint import FimpChargepoint
from .charging import CHARGING
from .command import (
    Act,
    Command,
    DeviceRefusedError,
    IgnoredError,
    RefusedError,
    WrongFormatError,
    checked,
)
from .message import Report, Request
from .parameters import PARAMETERS

_LINK_QUALITY = 168
_SIGNAL_STRENGTH = -61


def _get_meter(kind: str, what: str) -> Act:
    """Return the command that requests one unit of a plain meter, or all of them."""

    def act(point: FimpChargepoint, request: Request) -> None:
        units = point.profile.export_units if kind == "meter_export" else point.profile.units
        if not units:
            raise RefusedError(f"{what} is not supported")
        unit = request.val or ""
        if unit and unit not in units:
            raise RefusedError(f"unit is unsupported: {unit}")
        for report in point.known_reports(kind):
            if unit in ("", (report.props or {})["unit"]):
                point.send_report(report)

    return act


def _get_extended(point: FimpChargepoint, request: Request) -> None:
    if not point.profile.values:
        raise RefusedError("extended meter report is not supported")
    asked = request.val if isinstance(request.val, list) else []
    requested = asked or point.profile.values
    for name in requested:
        if name not in point.profile.values:
            raise RefusedError(
                f"failed to normalize extended values: extended value {name} is unsupported"
            )
    for report in point.known_reports("meter_ext"):
        values = {name: report.val[name] for name in report.val if name in requested}
        point.send_report(replace(report, val=values))


def _reboot(point: FimpChargepoint, request: Request) -> None:
    point.reboot()
    point.adapter.reply_success(request)


def _diagnose(
    name: str, val_t: str, value: Callable[[FimpChargepoint], object], title: str = ""
) -> dict[str, Command]:
    """Return the command for one diagnostic value, which is only reported on request."""

    def act(point: FimpChargepoint, _request: Request) -> None:
        point.send_report(Report("diagnostic", f"evt.{name}.report", val_t, value(point)))

    words = f"failed to retrieve {title or name.replace('_', ' ')} report"
    failing = "failed to send diagnostic report"
    return {f"cmd.{name}.get_report": Command(act, failing, words)}


def _tell_alarms(point: FimpChargepoint, _request: Request) -> None:
    # Adapters report all events, whichever is requested.
    point.answer("alarms")


METERING: dict[str, Command] = {
    "cmd.meter.get_report": Command(
        _get_meter("meter", "meter report"), "failed to send meter report"
    ),
    "cmd.meter_export.get_report": Command(
        _get_meter("meter_export", "export meter report"), "failed to send meter report"
    ),
    "cmd.meter_ext.get_report": Command(_get_extended, "failed to send meter extended report"),
}
"""Commands of the service ``meter_elec``."""

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

COMMANDS: dict[str, dict[str, Command]] = {
    "chargepoint": CHARGING,
    "meter_elec": METERING,
    "parameters": PARAMETERS,
    "dev_sys": SYSTEM,
    "diagnostic": DIAGNOSTICS,
    "alarm_system": ALARMS,
}


def execute(point: FimpChargepoint, request: Request) -> None:
    """Carry out a command, or reply with an error."""
    command = COMMANDS[request.service].get(request.type)
    if command is None:
        return
    beginning = f"{command.failing}: {request.service}: "
    try:
        command.act(point, checked(point, command, request))
        if command.reported and not point.live:
            # The cloud has accepted it; the adapter does not know the outcome.
            name = command.reported
            beginning = f"failed to send chargepoint {name} report: {request.service}: "
            raise RefusedError(f"failed to retrieve {name} report: {point.offline_reason}")
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
    point.adapter.reply_error(request, reason)
