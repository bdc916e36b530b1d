"""The action that returns the kept sessions, as data or as CSV."""

import csv
from datetime import datetime
from io import StringIO
from typing import Final

from homeassistant.core import SupportsResponse
import probatio

from ..chargepoint.sessions import RECORDS_MAX, SessionRecord
from ..coordinator import ChargepointCoordinator
from .action import Action, Answer, AnyAction, Data, moment

ATTR_FORMAT: Final = "format"
ATTR_LIMIT: Final = "limit"
ATTR_SINCE: Final = "since"

_CSV: Final = "csv"
_DATA: Final = "data"
_COLUMNS: Final = (
    "started",
    "ended",
    "duration",
    "energy",
    "average_power",
    "cost",
    "currency",
    "who",
    "ended_by",
)


async def _get(coordinator: ChargepointCoordinator, data: Data) -> Answer:
    """Return the requested sessions, oldest first."""
    sessions = coordinator.config_entry.runtime_data.sessions
    records = sessions.of(coordinator.node.address).tracker.records
    if ATTR_SINCE in data:
        records = [record for record in records if _begins_after(record, data[ATTR_SINCE])]
    rows = [record.as_dict() for record in records[-data[ATTR_LIMIT] :]]
    return {_CSV: _table(rows)} if data[ATTR_FORMAT] == _CSV else {"sessions": rows}


def _begins_after(record: SessionRecord, since: datetime) -> bool:
    """Return whether a session began at `since` or later, or ended if its start is unknown."""
    begun = record.started or record.ended
    return begun is not None and begun >= since


def _table(rows: list[Answer]) -> str:
    """Return sessions as CSV with a header; unknown values are empty."""
    text = StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _harmless(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _harmless(value: object) -> object:
    """Return a value that no spreadsheet runs as a formula: the id of a car can be one."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


SESSION_ACTIONS: dict[str, AnyAction] = {
    "get_sessions": Action(
        fields={
            probatio.Optional(ATTR_LIMIT, default=RECORDS_MAX): probatio.All(
                probatio.Coerce(int), probatio.Range(min=1, max=RECORDS_MAX)
            ),
            probatio.Optional(ATTR_SINCE): moment,
            probatio.Optional(ATTR_FORMAT, default=_DATA): probatio.In((_DATA, _CSV)),
        },
        run=_get,
        # They are kept here.
        live=False,
        response=SupportsResponse.ONLY,
    ),
}
