"""What was requested of a charge point from here, whatever it makes of that. Pure.

A record of our own: what a charge point says may hide a request behind a stricter one, or not
show it at all, and it still has to go along with the next message and over a restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A pause that was requested and does not show: the charge point sleeps as it is.

    It was `accepted`, or has to be requested again once charging begins. It belongs to the
    session with the id `session_id`, which began at `started`.
    """

    accepted: bool
    session_id: str | None = None
    started: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """The limits that were set from here, by feature, and a pause that does not show."""

    limits: Mapping[str, Any] = field(default_factory=dict)
    pause: Pause | None = None

    @property
    def is_paused(self) -> bool:
        """Whether the charge point has accepted a pause that it does not show."""
        return self.pause is not None and self.pause.accepted

    @property
    def waits_to_pause(self) -> bool:
        """Whether a pause has to be requested again once charging begins."""
        return self.pause is not None and not self.pause.accepted

    def with_limits(self, limits: Mapping[str, Any]) -> Requested:
        """Return the record with other limits."""
        return replace(self, limits=dict(limits))

    def with_pause(self, pause: Pause | None) -> Requested:
        """Return the record with another pause, or none."""
        return replace(self, pause=pause)
