"""Charging sessions: what happened, what they cost, and what is kept of them."""

from ..session import EndReason as EndReason
from .events import SessionEvent as SessionEvent
from .events import SessionEventType as SessionEventType
from .history import RECORDS_MAX as RECORDS_MAX
from .record import Price as Price
from .record import SessionRecord as SessionRecord
from .tracker import SessionTracker as SessionTracker
