"""A Blue Current account: the quota, its reset, and what failures mean."""

from datetime import UTC, datetime

import pytest

from custom_components.fimp_chargepoint.chargepoint.blue_current import frames
from custom_components.fimp_chargepoint.chargepoint.blue_current.account import (
    Account,
    RequestCounter,
    next_reset,
)
from custom_components.fimp_chargepoint.chargepoint.blue_current.requests import Match, Requests
from custom_components.fimp_chargepoint.chargepoint.errors import (
    AlreadyConnectedError,
    ChargepointError,
    NotConnectedError,
    RequestLimitError,
)
from custom_components.fimp_chargepoint.chargepoint.transport.websocket import (
    ClosedError,
    UpgradeRefusedError,
)

from .fakes import ManualClock

REASON = "x-websocket-reject-reason"


@pytest.mark.parametrize(
    ("now", "reset"),
    [
        # In winter, in summer, right before and after, and in the nights of the change.
        ("2026-11-21T12:00:00", "2026-11-21T23:00:30"),
        ("2026-07-21T12:00:00", "2026-07-21T22:00:30"),
        ("2026-07-21T22:00:10", "2026-07-21T22:00:30"),
        ("2026-07-21T22:00:30", "2026-07-22T22:00:30"),
        ("2026-10-24T23:00:00", "2026-10-25T23:00:30"),
        ("2026-03-28T23:30:00", "2026-03-29T22:00:30"),
    ],
)
def test_reset_is_after_midnight_in_amsterdam(now: str, reset: str) -> None:
    found = next_reset(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(reset).replace(tzinfo=UTC)


def test_requests_are_counted_by_the_day_of_the_vendor() -> None:
    now = datetime(2026, 11, 21, 22, 59, tzinfo=UTC)
    counter = RequestCounter(lambda: now)
    counter.add("GET_CH_STATUS")
    counter.add("GET_CH_STATUS")
    assert counter.today == {"GET_CH_STATUS": 2}
    now = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
    assert not counter.today


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ClosedError(4001), RequestLimitError),
        (ClosedError(1000), ClosedError),
        (ClosedError(None), ClosedError),
        (UpgradeRefusedError(403, {REASON: "Request limit reached"}), RequestLimitError),
        (UpgradeRefusedError(403, {REASON: "Already connected"}), AlreadyConnectedError),
        (UpgradeRefusedError(502, {}), UpgradeRefusedError),
        (NotConnectedError("x"), NotConnectedError),
    ],
)
def test_failures(error: ChargepointError, expected: type[ChargepointError]) -> None:
    found = Account("token").explain(error)
    assert type(found) is expected
    assert isinstance(found, NotConnectedError)


def test_errors_that_end_the_session() -> None:
    account = Account("token")
    with pytest.raises(NotConnectedError, match="Invalid Auth Token"):
        account.check("ERROR", b'{"object":"ERROR","error":1,"message":"Invalid Auth Token"}')
    with pytest.raises(RequestLimitError):
        account.check("ERROR", b'{"object":"ERROR","error":42,"message":"Request limit reached"}')
    for code in (0, 2, 9, 77):
        account.check("ERROR", b'{"object":"ERROR","error":%d,"message":"x"}' % code)
    assert account.topic(b"no json") == "json"
    status = b'{"object":"CH_STATUS","evse_id":"BCU1","data":{}}'
    assert account.topic(status) == "CH_STATUS/BCU1"
    grid = b'{"object":"GRID_STATUS","data":{"id":"GRID-BCU1"}}'
    assert account.topic(grid) == "GRID_STATUS/GRID-BCU1"


# Replies name no request --------------------------------------------------------------


def reply(command: str, evse_id: str | None = None, **fields: object) -> frames.Reply:
    return frames.Reply(command=command, evse_id=evse_id, **fields)  # type: ignore[arg-type]


def test_reply_is_for_the_oldest_request_of_its_kind() -> None:
    clock = ManualClock()
    requests = Requests(clock)
    first, second = requests.make("REBOOT", "A"), requests.make("REBOOT", "A")
    other = requests.make("REBOOT", "B")
    now = clock.now()
    assert requests.match(reply("REBOOT", "B", final=False), now) == Match(other.id, "B")
    assert requests.match(reply("REBOOT", "B"), now) == Match(other.id, "B")
    assert requests.match(reply("REBOOT", "A"), now) == Match(first.id, "A")
    # Some replies do not contain their charge point.
    assert requests.match(reply("REBOOT"), now) == Match(second.id, "A")
    assert requests.match(reply("REBOOT"), now) is None


def test_refused_receipt_is_final() -> None:
    clock = ManualClock()
    requests = Requests(clock)
    stop = requests.make("STOP_SESSION", "A")
    refused = reply("STOP_SESSION", final=False, error="no active session")
    assert requests.match(refused, clock.now()) == Match(stop.id, "A")
    assert requests.match(refused, clock.now()) is None


def test_late_reply_is_for_nobody() -> None:
    clock = ManualClock()
    requests = Requests(clock)
    requests.make("REBOOT", "A")
    clock.time += 61
    assert requests.match(reply("REBOOT", "A"), clock.now()) is None


def test_error_without_a_name_is_for_the_last_command_of_late() -> None:
    clock = ManualClock()
    requests = Requests(clock)
    requests.make("REBOOT", "A")
    last = requests.make("SET_OPERATIVE", "B")
    requests.make("GET_CH_STATUS", "A")
    assert requests.match_failure(clock.now()) == Match(last.id, "B")
    clock.time += 11
    assert requests.match_failure(clock.now()) is None
