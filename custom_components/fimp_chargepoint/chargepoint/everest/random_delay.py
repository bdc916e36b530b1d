"""The random delay that British law requires before a limit changes. Pure.

EVerest API v1, evse_manager_consumer: while it is switched on, `random_delay_countdown` follows
each `enforced_limits`, and is empty if no change waits. While it is off, there are no countdowns.
The older API only reports a countdown while it runs. No API reports the maximum delay.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ..capabilities import Capabilities, Range
from ..model import ChargepointSnapshot, Feature
from ..node import Changes
from ..readers import JsonObject, number

#: Seconds. EVerest divides by it, so zero would terminate it.
DURATIONS: Final = Range(1.0, 1800.0)
#: The number of limits without a countdown after which it is switched off. The two messages may be
#: delivered in another order.
_SILENT_ROUNDS: Final = 3

_CONTROLS: Final = frozenset(
    {Feature.RANDOM_DELAY, Feature.RANDOM_DELAY_DURATION, Feature.SKIP_RANDOM_DELAY}
)
#: Two countdowns of the same delay may differ by this much.
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
    """Return when a delay ends that lasts for `seconds` more, None if there is none.

    The end that is `known` from the previous countdown is kept if it is about the same.
    """
    left = number(seconds)
    if left is None or left <= 0:
        return None
    end = (now + timedelta(seconds=left)).replace(microsecond=0)
    return known if known is not None and abs(known - end) <= _JITTER else end


class RandomisedDelay:
    """Finds out whether limits come with a countdown, and when it ends."""

    def __init__(self) -> None:
        """Start without any limit."""
        self._rounds = 0

    def limited(self, known: ChargepointSnapshot) -> Changes:
        """Return the changes by a limit: no countdown may have followed the previous ones."""
        self._rounds += 1
        offered_here = Feature.RANDOM_DELAY in known.capabilities.controls
        if offered_here and self._rounds >= _SILENT_ROUNDS:
            return {"random_delay": False, "delayed_until": None}
        return {}

    def parse(self, known: ChargepointSnapshot, value: JsonObject, now: datetime) -> Changes:
        """Return the changes by a countdown."""
        self._rounds = 0
        return {
            "random_delay": True,
            "delayed_until": until(value.get("countdown_s"), known.delayed_until, now),
            "capabilities": offered(known.capabilities),
        }

    def forget(self) -> None:
        """Start counting again after a restart or a gap."""
        self._rounds = 0
