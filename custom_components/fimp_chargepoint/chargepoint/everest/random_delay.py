"""The random delay that British rules want before a limit changes.

EVerest API v1, evse_manager_consumer: while it is switched on, `random_delay_countdown`
follows each `enforced_limits`, with nothing to count where nothing waits; while it is off
nothing is said. The older API only says what is counted. No API tells how long a delay may be.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ..capabilities import Capabilities, Range
from ..model import ChargepointSnapshot, Feature
from ..node import Changes
from ..readers import JsonObject, number

#: Seconds. EVerest divides by it, so that none would end the whole of it.
DURATIONS: Final = Range(1.0, 1800.0)
#: Limits in a row that no countdown follows: then it is switched off. The two may have
#: taken different ways.
_SILENT_ROUNDS: Final = 3

_CONTROLS: Final = frozenset(
    {Feature.RANDOM_DELAY, Feature.RANDOM_DELAY_DURATION, Feature.SKIP_RANDOM_DELAY}
)
#: Seconds that two counts of the same delay may be apart.
_JITTER: Final = timedelta(seconds=2)


def offered(known: Capabilities, *assumed: Feature) -> Capabilities:
    """Return the capabilities with a random delay; what is `assumed` is never reported."""
    if Feature.RANDOM_DELAY in known.controls:
        return known
    return replace(
        known,
        reports=known.reports | {Feature.DELAYED_UNTIL},
        controls=known.controls | _CONTROLS,
        ranges={**known.ranges, Feature.RANDOM_DELAY_DURATION: DURATIONS},
        assumed=known.assumed.union(assumed, {Feature.RANDOM_DELAY_DURATION}),
    )


def until(seconds: object, known: datetime | None, now: datetime) -> datetime | None:
    """Return when the delay ends that lasts so many `seconds` more, None where none does.

    That moment is `known` from the count before; it does not move with every count.
    """
    left = number(seconds)
    if left is None or left <= 0:
        return None
    end = (now + timedelta(seconds=left)).replace(microsecond=0)
    return known if known is not None and abs(known - end) <= _JITTER else end


class RandomisedDelay:
    """Whether limits come with a countdown, and when that ends: changes of a snapshot."""

    def __init__(self) -> None:
        """Know of no limit yet."""
        self._rounds = 0

    def limited(self, known: ChargepointSnapshot) -> Changes:
        """Return what a limit changes in what is `known`: no countdown may follow it."""
        self._rounds += 1
        offered_here = Feature.RANDOM_DELAY in known.capabilities.controls
        if offered_here and self._rounds >= _SILENT_ROUNDS:
            return {"random_delay": False, "delayed_until": None}
        return {}

    def parse(self, known: ChargepointSnapshot, value: JsonObject, now: datetime) -> Changes:
        """Return what a countdown changes in what is `known`."""
        self._rounds = 0
        return {
            "random_delay": True,
            "delayed_until": until(value.get("countdown_s"), known.delayed_until, now),
            "capabilities": offered(known.capabilities),
        }

    def forget(self) -> None:
        """It starts anew, or nobody listened for a while."""
        self._rounds = 0
