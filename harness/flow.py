"""What a person fills in the config flow with, on whatever way it is gone through."""

from typing import Any

#: The last pages of the flow, whatever was found.
CLOSING_PAGES = ("found", "nothing_found", "nothing_delivered")


def broker_form(host: str, port: int) -> dict[str, Any]:
    """Return the form for a broker that takes everybody."""
    return {"host": host, "port": port, "topics": {}, "certificates": {}}
