"""User input for the config flow."""

from collections.abc import Sequence
from typing import Any

#: The possible last pages of the flow.
CLOSING_PAGES = ("found", "nothing_found", "nothing_delivered")


def broker_form(
    host: str, port: int, *, prefixes: Sequence[str] = (), **credentials: str
) -> dict[str, Any]:
    """Return the input for the broker page; `credentials` are optional."""
    topics = {"prefixes": list(prefixes)} if prefixes else {}
    return {"host": host, "port": port, "topics": topics, "certificates": {}} | credentials
