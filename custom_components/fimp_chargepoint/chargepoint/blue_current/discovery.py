"""Blue Current on a hub: the charge points and grid connections of one account."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Final, override

from ..commands.replies import PendingReplies
from ..errors import ProtocolError
from ..grid import GridConnection
from ..hub import Hub, RequestsCounted, Timed
from ..model import Meter, Reason
from ..options import Options
from ..protocol import Handler, Protocol, ProtocolHost
from ..scheduler import Clock, Timers
from ..transport import Backoff
from ..transport.websocket import Session, WebsocketTransport
from . import decoding, frames, status
from .account import Account, look_up, next_reset
from .chargepoint import BlueCurrentChargepoint
from .requests import Requests

#: Seconds until a reply, and from the acknowledgement of receipt until the final reply.
_REPLY_TIME: Final = 40.0
_FINAL_TIME: Final = 2.0
#: Seconds between two requests for the list if a charge point reports that is not on it.
_LIST_INTERVAL: Final = 3600.0
#: Seconds between two requests for the charge cards, which rarely change.
_CARDS_INTERVAL: Final = 3600.0
_GRIDS_MAX: Final = 100


class BlueCurrentProtocol(Protocol):
    """The charge points and grid connections of one account."""

    filters = ()

    def __init__(self, hub: ProtocolHost, prefix: str = "") -> None:
        """Start with no charge point."""
        super().__init__(hub, prefix)
        self._requests = Requests(hub.clock)
        self._replies = PendingReplies(hub, self._timers, _REPLY_TIME)
        self._charge_points: dict[str, BlueCurrentChargepoint] = {}
        self._grids: dict[str, GridConnection] = {}
        #: The id of the grid connection of each charge point.
        self._grid_ids: dict[str, str] = {}
        #: The charge points whose grid was requested: a reply does not always name them.
        self._grids_asked: list[str] = []
        self._listed_at = float("-inf")
        self._cards_at = float("-inf")

    # Frames in --------------------------------------------------------------------

    @override
    def route(self, topic: str) -> Handler | None:
        return self.handle

    def handle(self, payload: bytes, now: float) -> None:
        """Handle a frame, or raise a ProtocolError."""
        match decoding.decode(payload):
            case frames.ChargePoints() as found:
                self._list(found, now)
            case frames.ChargeCards(cards=cards):
                self._requests.cards = cards
            case frames.ChargePointSettings() as report:
                if (charge_point := self._find(report.evse_id, now)) is not None:
                    charge_point.handle_settings(report, now)
            case frames.Status() as frame:
                if (charge_point := self._find(frame.evse_id, now)) is not None:
                    was_online = charge_point.is_online
                    charge_point.handle_status(frame, now)
                    self._follow_grid(charge_point, was_online=was_online, now=now)
            case frames.Grid() as frame:
                self._handle_grid(frame, now)
            case frames.Reply() as reply:
                self._handle_reply(reply, now)
            case frames.Failure() as failure:
                self._handle_failure(failure, now)

    def _find(self, evse_id: str, now: float) -> BlueCurrentChargepoint | None:
        charge_point = self._charge_points.get(evse_id)
        if charge_point is None and now - self._listed_at >= _LIST_INTERVAL:
            # It may have been added to the account meanwhile.
            self._listed_at = now
            self._send("GET_CHARGE_POINTS")
        return charge_point

    def _list(self, found: frames.ChargePoints, now: float) -> None:
        """Handle the list: add new charge points, and remove those that are missing."""
        self._listed_at = now
        listed = {report.evse_id: report for report in found.charge_points}
        if listed and found.complete:
            # If all charge points of an account are missing, the list is wrong.
            gone = self._charge_points.keys() - listed.keys()
            for evse_id in gone:
                del self._charge_points[evse_id]
                self._grid_ids.pop(evse_id, None)
                self._hub.remove_node(_address(evse_id))
            for grid in self._grids.values() if gone else ():
                # It may have been theirs. The remaining charge points are asked for it next.
                grid.set_unavailable(Reason.NOT_HEARD, now)
        self._hub.internal_errors.each(listed, lambda evse_id: self._report(listed[evse_id], now))
        if now - self._cards_at >= _CARDS_INTERVAL:
            self._cards_at = now
            self._send("GET_CHARGE_CARDS", limit=100)
        if not found.complete:
            raise ProtocolError("evse_id", "a charge point of the list cannot be identified")

    def _report(self, report: frames.ChargePointSettings, now: float) -> None:
        """Handle one charge point of the list, and request what the list does not contain."""
        evse_id = report.evse_id
        charge_point = self._charge_points.get(evse_id)
        if charge_point is None:
            address = _address(evse_id)
            if not self._hub.admission.admits(address, now, partial(self._report, report)):
                return
            charge_point = BlueCurrentChargepoint(
                address, evse_id, self._hub, self._requests, self._replies
            )
            self._charge_points[evse_id] = charge_point
            charge_point.handle_settings(report, now)
            self._hub.add_node(charge_point)
        else:
            charge_point.handle_settings(report, now)
        charge_point.ask_everything(now)
        self._ask_grid(evse_id)

    # The grid ---------------------------------------------------------------------

    def _handle_grid(self, frame: frames.Grid, now: float) -> None:
        grid_id, evse_id = frame.grid_id, frame.evse_id
        if grid_id is not None:
            if evse_id in self._grids_asked:
                self._grids_asked.remove(evse_id)
            elif evse_id is None and self._grids_asked:
                evse_id = self._grids_asked.pop(0)
            if evse_id is not None:
                self._grid_ids[evse_id] = grid_id
        elif evse_id is not None:
            grid_id = self._grid_ids.get(evse_id) or _GRID_ID.format(evse_id)
        if grid_id is None or not any(current is not None for current in frame.currents):
            raise ProtocolError("grid", "no id or no current")
        grid = self._grids.get(grid_id)
        if grid is None:
            if len(self._grids) >= _GRIDS_MAX:
                return
            grid = GridConnection(_address(grid_id), grid_id, self._hub)
            self._grids[grid_id] = grid
            self._hub.add_node(grid)
        grid.handle_report(
            Meter(**status.by_phase("current", frame.currents)),
            now,
            installed_current=frame.max_install,
            reserved_current=frame.max_reserved,
        )

    def _ask_grid(self, evse_id: str) -> None:
        self._grids_asked = [*self._grids_asked, evse_id][-_GRIDS_MAX:]
        self._send("GET_GRID_STATUS", evse_id)

    def _follow_grid(
        self, charge_point: BlueCurrentChargepoint, *, was_online: bool, now: float
    ) -> None:
        """Forget the load while all charge points are offline; ask again afterwards."""
        if charge_point.is_online == was_online:
            return
        if charge_point.is_online:
            self._ask_grid(charge_point.evse_id)
        elif not any(known.is_online for known in self._charge_points.values()):
            for grid in self._grids.values():
                grid.set_unavailable(Reason.OFFLINE, now)

    # Replies ----------------------------------------------------------------------

    def _handle_reply(self, reply: frames.Reply, now: float) -> None:
        found = self._requests.match(reply, now)
        if found is None:
            return
        if found.evse_id in self._charge_points:
            self._charge_points[found.evse_id].handle_reply(reply, found.request_id, now)
        if reply.error is not None:
            self._replies.refused(found.request_id, reply.error)
        elif reply.final:
            self._replies.replied(found.request_id, reply.data)
        else:
            # It is not documented for which commands a final reply follows.
            self._timers.set(
                f"final {found.request_id}",
                now + _FINAL_TIME,
                lambda _: self._replies.replied(found.request_id, None),
            )

    def _handle_failure(self, failure: frames.Failure, now: float) -> None:
        """Handle an error without a request: it belongs to the last command, if that is recent."""
        found = self._requests.match_failure(now)
        if found is None:
            raise ProtocolError("error", f"{failure.code} {failure.message}")
        refused = frames.Reply(command="", error=failure.message)
        if found.evse_id in self._charge_points:
            self._charge_points[found.evse_id].handle_reply(refused, found.request_id, now)
        self._replies.refused(found.request_id, failure.message)

    def _send(self, command: str, evse_id: str | None = None, **fields: object) -> None:
        request = self._requests.make(command, evse_id, **fields)
        self._hub.send(request.topic, request.payload)

    # Life -------------------------------------------------------------------------

    @override
    def connection_lost(self, now: float) -> None:
        self._replies.connection_lost()
        self._requests.clear()
        self._grids_asked.clear()
        super().connection_lost(now)


#: The id of the grid connection of a charge point, until its status names it.
_GRID_ID: Final = "GRID-{}"


def _address(name: str) -> str:
    return f"bluecurrent:{name}"


class BlueCurrentHub(Hub):
    """Everything of one account."""

    look_up = staticmethod(look_up)

    def __init__(
        self,
        session: Session,
        api_token: str,
        *,
        url: str | None = None,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
        options: Options | None = None,
        known: Iterable[str] = (),
    ) -> None:
        """Prepare; `start` connects. Needs a running event loop.

        The `session` stays open. Charge points with the `known` addresses never have to wait.
        """
        super().__init__(clock=clock, options=options, known=known)
        self.account = Account(api_token, url=url, now=self._calendar)
        self.transport = WebsocketTransport(
            session, self.account, self, backoff=backoff, now=self._calendar
        )
        self.protocol = BlueCurrentProtocol(self)
        self._timers = Timers(self.scheduler, self)
        self.account.requests.changed = self._requests_counted

    def _requests_counted(self) -> None:
        """Inform the listeners, now and when the day is over."""
        now = self._calendar()
        left = (next_reset(now) - now).total_seconds()
        self._timers.set(
            "reset", self.clock.now() + left, lambda _: self._notify(RequestsCounted())
        )
        self._notify(RequestsCounted())

    @property
    @override
    def protocols(self) -> tuple[tuple[str, str], ...]:
        return ((type(self.protocol).__name__, ""),)

    @property
    @override
    def requests_today(self) -> Mapping[str, int]:
        return self.account.requests.today

    @override
    def _route(self, topic: str) -> Handler | None:
        return self.protocol.handle

    @property
    @override
    def _timed(self) -> Iterable[Timed]:
        return chain(super()._timed, (self.protocol,))

    def _calendar(self) -> datetime:
        return self.clock.to_datetime(self.clock.now())
