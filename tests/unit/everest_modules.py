"""The messages of the companion modules of an EVSE: errors and heartbeats."""

from typing import Any

import orjson

from .everest_site import ERRORS, Site

WARNING = "evse_board_support/VendorWarning"
FAULT = "generic/CommunicationFault"


def error(uuid: Any = "one", kind: Any = WARNING, **fields: Any) -> dict[str, Any]:
    """Return an error, as it is raised and as it is listed."""
    return {
        "description": "Something is not as it should be",
        "message": "Something is not as it should be",
        "origin": {"implementation_id": "board_support", "module_id": "driver_1"},
        "severity": "High",
        "state": "Active",
        "timestamp": "2026-11-20T09:15:39.641Z",
        "type": kind,
        "uuid": uuid,
    } | fields


def raised(site: Site, *errors: Any, module: str = "errors_1") -> None:
    """Let errors be raised."""
    for each in errors:
        site.publish(ERRORS, module, "error_raised", each)


def listed(site: Site, *errors: Any) -> None:
    """Answer the last question for the active errors."""
    site.answer("active_errors", {"errors": list(errors)})


def discovery(site: Site) -> str:
    """Let a discovery begin, and return the topic of its replies."""
    site.take()
    site.hub.connection_made()
    [reply_to] = [
        orjson.loads(payload)["headers"]["replyTo"]
        for topic, payload in site.hub.sent
        if topic == f"{site.prefix}everest_api/discover"
    ]
    return f"{site.prefix}{reply_to}"
