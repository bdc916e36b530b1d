"""What an EVSE can be told beside its limits, and what its answers mean. Pure.

EVerest API v1, evse_manager_consumer.
"""

from typing import Any, Final

#: What `false` means as a reply. `true` is no proof that anything happened, except where
#: nothing else will show it.
REFUSALS: Final = {
    "pause_charging": "the station refused to pause: it has no transaction to pause",
    "resume_charging": "the station refused to resume: it has no transaction to resume",
    "stop_transaction": "the station refused: it has no transaction to stop",
    "force_unlock": "the station refused: it has no lock, or cannot open it",
}
HIGHER_PRIORITY: Final = (
    "another source with a higher priority decides whether the station may be used"
)
STOP_TRANSACTION: Final = {"reason": "Remote"}

#: `hw_capabilities.connector_type` in words.
CONNECTORS: Final = {
    "IEC62196Type2Cable": "Type 2 cable",
    "IEC62196Type2Socket": "Type 2 socket",
}

#: With what weight we enable and disable; lower numbers win (0 to 10000).
_PRIORITY: Final = 100


def enable_disable(*, enable: bool) -> dict[str, Any]:
    """Return what enables or disables the whole EVSE; who weighs more may decide otherwise."""
    return {
        "connector_id": 0,
        "source": {
            "enable_source": "LocalAPI",
            "enable_state": "Enable" if enable else "Disable",
            "enable_priority": _PRIORITY,
        },
    }


def number_of(evse: Any) -> int | None:
    """Return by which number the station knows the EVSE, from the reply to `get_evse`."""
    number = evse.get("id") if isinstance(evse, dict) else None
    return number if type(number) is int else None


def first_connector(evse: Any) -> int | None:
    """Return by which number the first connector is known, from the reply to `get_evse`."""
    connectors = evse.get("connectors") if isinstance(evse, dict) else None
    for each in connectors if isinstance(connectors, list) else ():
        number = each.get("id") if isinstance(each, dict) else None
        if type(number) is int:
            return number
    return None
