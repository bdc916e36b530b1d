"""The commands of the meter."""

from dataclasses import replace

from .chargepoint import FimpChargepoint
from .command import Act, Command, RefusedError
from .message import Request


def _get(kind: str, what: str) -> Act:
    """Make the command that asks for one unit of a plain meter, or for all of them."""

    def act(point: FimpChargepoint, request: Request) -> None:
        units = point.profile.export_units if kind == "meter_export" else point.profile.units
        if not units:
            raise RefusedError(f"{what} is not supported")
        unit = request.val or ""
        if unit and unit not in units:
            raise RefusedError(f"unit is unsupported: {unit}")
        for report in point.know(kind):
            if unit in ("", (report.props or {})["unit"]):
                point.say(report)

    return act


def _get_extended(point: FimpChargepoint, request: Request) -> None:
    if not point.profile.values:
        raise RefusedError("extended meter report is not supported")
    asked = request.val if isinstance(request.val, list) else []
    wanted = asked or point.profile.values
    for name in wanted:
        if name not in point.profile.values:
            raise RefusedError(
                f"failed to normalize extended values: extended value {name} is unsupported"
            )
    for report in point.know("meter_ext"):
        values = {name: report.val[name] for name in report.val if name in wanted}
        point.say(replace(report, val=values))


METERING: dict[str, Command] = {
    "cmd.meter.get_report": Command(_get("meter", "meter report"), "failed to send meter report"),
    "cmd.meter_export.get_report": Command(
        _get("meter_export", "export meter report"), "failed to send meter report"
    ),
    "cmd.meter_ext.get_report": Command(_get_extended, "failed to send meter extended report"),
}
"""Commands of the service ``meter_elec``."""
