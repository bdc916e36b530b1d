"""Reports of the services `alarm_system` and `diagnostic`: how the device is. Pure.

Sources: the same services of the adapters built on cliffhanger; their documents are older
than these interfaces.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from ..errors import ProtocolError
from ..model import ChargepointSnapshot, Feature
from .message import Message
from .reports import Reader, Reading, expect

#: Characters of a text, and names of what is wrong at the same time.
_TEXT_MAX: Final = 200
_FAULTS_MAX: Final = 50


def alarm(snapshot: ChargepointSnapshot, message: Message) -> Reading:
    """Read `evt.alarm.report`: a fault that began or ended."""
    report = expect(message, dict)
    event, status = report.get("event"), report.get("status")
    if (
        not isinstance(event, str)
        or not event
        or status not in ("activ", "active", "deactiv", "inactive")
    ):
        raise ProtocolError("value", f"{message.type}: {report!r:.80}")
    name = event.lower()[:_TEXT_MAX]
    if status not in ("activ", "active"):
        return Reading({"faults": snapshot.faults - {name}})
    if len(snapshot.faults) >= _FAULTS_MAX:
        return Reading({})
    return Reading({"faults": snapshot.faults | {name}})


def errors(_: ChargepointSnapshot, message: Message) -> Reading:
    """Read `evt.errors.report`: everything that is wrong now, in the maker's words."""
    # Null is how an adapter writes an empty list.
    names = [] if message.value is None else expect(message, list)[:_FAULTS_MAX]
    return Reading(
        {
            "errors": frozenset(
                each.lower()[:_TEXT_MAX] for each in names if isinstance(each, str) and each
            )
        }
    )


def _of(feature: Feature, kind: type[float | str]) -> Reader:
    """Return the reader of one value of the device's health."""

    def read(snapshot: ChargepointSnapshot, message: Message) -> Reading:
        value = expect(message, kind)
        if isinstance(value, str):
            value = value[:_TEXT_MAX]
        changes: dict[str, Any] = {feature: value}
        return Reading({"health": replace(snapshot.health, **changes)}, frozenset({feature}))

    return read


def uptime(snapshot: ChargepointSnapshot, message: Message, now: datetime) -> Reading:
    """Read `evt.uptime.report`: seconds since the start. The moment of that stays the same."""
    seconds = expect(message, float)
    if not 0 <= seconds <= now.timestamp():
        raise ProtocolError("value", f"{message.type}: {seconds:g} s")
    health = replace(snapshot.health, uptime=now - timedelta(seconds=seconds))
    return Reading({"health": health}, frozenset({Feature.UPTIME}))


#: Feature -> the middle of its interfaces' names, and its value's type.
HEALTH: Final = {
    Feature.SIGNAL_STRENGTH: ("rssi", float),
    Feature.LINK_QUALITY: ("lqi", float),
    Feature.UPTIME: ("uptime", float),
    Feature.RESTARTS: ("reboots_count", float),
    Feature.RESTART_REASON: ("reboot_reason", str),
}

ALARM_READERS: Final = {"evt.alarm.report": alarm}
DIAGNOSTIC_READERS: Final = {
    "evt.errors.report": errors,
    **{
        f"evt.{name}.report": _of(feature, kind)
        for feature, (name, kind) in HEALTH.items()
        # It needs to know the time.
        if feature is not Feature.UPTIME
    },
}
