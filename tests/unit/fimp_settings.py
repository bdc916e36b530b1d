"""Limits, phases and locks as FIMP reports them."""

from collections.abc import Iterable
from typing import Any

from .fimp_messages import inclusion, report

SETTERS = (
    "cmd.cable_lock.set",
    "cmd.max_current.set",
    "cmd.current_session.set_current",
    "cmd.phase_mode.set",
)
MODES = ["NL1L2L3", "NL2", "NL1", "NL3"]
PROPS: dict[str, Any] = {"sup_max_current": 32, "sup_phase_modes": MODES}
STARTED = "2026-11-20T08:00:00Z"


def thing(interfaces: Iterable[str] = SETTERS, **props: Any) -> dict[str, Any]:
    """Return the inclusion report of a charge point that can all of it, and be restarted."""
    message = inclusion(interfaces=interfaces, props=PROPS | props)
    message["val"]["services"].append(
        {
            "name": "dev_sys",
            "address": "/rt:dev/rn:easee/ad:1/sv:dev_sys/ad:1",
            "interfaces": [{"msg_t": "cmd.thing.reboot"}],
        }
    )
    return message


def max_current(value: float) -> dict[str, Any]:
    return report("evt.max_current.report", "int", value)


def phase_mode(value: str) -> dict[str, Any]:
    return report("evt.phase_mode.report", "string", value)


def lock(value: bool) -> dict[str, Any]:  # noqa: FBT001
    return report("evt.cable_lock.report", "bool", value)


def offered(value: float | None, energy: float = 1.0, **props: str) -> dict[str, Any]:
    """Return the report of a running session that offers so many amperes."""
    props = {"started_at": STARTED} | props
    if value is not None:
        props["offered_current"] = f"{value:g}"
    return report("evt.current_session.report", "float", energy, **props)
