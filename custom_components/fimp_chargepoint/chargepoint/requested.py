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
    """A pause that the charge point has accepted and does not show.

    It belongs to the session with the id `session_id`, which began at `started`.
    """

    session_id: str | None = None
    started: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """The limits that were set from here, by feature, and an accepted pause."""

    limits: Mapping[str, Any] = field(default_factory=dict)
    pause: Pause | None = None

    def with_limits(self, limits: Mapping[str, Any]) -> Requested:
        """Return the record with other limits."""
        return replace(self, limits=dict(limits))

    def with_pause(self, pause: Pause | None) -> Requested:
        """Return the record with another pause, or none."""
        return replace(self, pause=pause)
