"""What a person fills in the config flow with, on whatever way it is gone through."""

from collections.abc import Sequence
from typing import Any

#: The last pages of the flow, whatever was found.
CLOSING_PAGES = ("found", "nothing_found", "nothing_delivered")


def broker_form(
    host: str, port: int, *, prefixes: Sequence[str] = (), **credentials: str
) -> dict[str, Any]:
    """Return the form for a broker; one that takes everybody needs no `credentials`."""
    topics = {"prefixes": list(prefixes)} if prefixes else {}
    return {"host": host, "port": port, "topics": topics, "certificates": {}} | credentials
