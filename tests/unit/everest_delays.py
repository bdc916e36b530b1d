"""The messages of a station about its random delay."""

from typing import Any


def count(seconds: Any, **fields: Any) -> dict[str, Any]:
    """Return a countdown."""
    return {
        "countdown_s": seconds,
        "current_limit_after_delay_A": 16.0,
        "current_limit_during_delay_A": 0.0,
    } | fields
