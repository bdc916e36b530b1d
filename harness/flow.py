"""What a person fills in the config flow with, on whatever way it is gone through."""

from typing import Any

#: The last pages of the flow, whatever was found.
CLOSING_PAGES = ("found", "nothing_found", "nothing_delivered")


def broker_form(host: str, port: int, **credentials: str) -> dict[str, Any]:
    """Return the form for a broker; one that takes everybody needs no `credentials`."""
    return {"host": host, "port": port, "topics": {}, "certificates": {}} | credentials
