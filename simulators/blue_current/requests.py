"""How Blue Current handles the commands of a client that is logged in."""

from collections.abc import Awaitable, Callable
from datetime import datetime
import json
import logging
from typing import Any, Final, Protocol

from . import messages
from .chargepoint import BlueCurrentChargepoint

_LOGGER = logging.getLogger(__name__)

_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

type Request = dict[str, Any]
type Handler = Callable[["Requests", BlueCurrentChargepoint, Request], Awaitable[None]]


class Server(Protocol):
    """What requests need from the account."""

    login: str
    cards: dict[str, str]
    load: tuple[float, ...]

    def push(self, frame: Request | str) -> None:
        """Send a frame."""

    def find(self, evse_id: object) -> BlueCurrentChargepoint | None:
        """Find a charge point of the account."""

    @property
    def listed(self) -> list[BlueCurrentChargepoint]:
        """The charge points of the account."""


class Requests:
    """Answers commands, and knows the schedules of the account."""

    def __init__(self, server: Server) -> None:
        """Start without schedules."""
        self.server = server
        self.schedules: dict[int, Request] = {}
        #: The limits by schedules at present, by charge point.
        self._allowed: dict[str, float] = {}

    async def answer(self, request: Request) -> None:
        """Carry out a request, and reply."""
        command = str(request.get("command"))
        if (answer := _OF_ACCOUNT.get(command)) is not None:
            answer(self, request)
            return
        handler = _OF_CHARGE_POINT.get(command)
        if handler is None:
            self.server.push(messages.error(0))
            return
        point = self.server.find(request.get("evse_id"))
        if point is None:
            self.server.push(messages.error(2))
            return
        await handler(self, point, request)

    # Account ------------------------------------------------------------------------

    def hello(self, _: Request) -> None:
        """Reply to the first frame."""
        self.server.push({"object": "HELLO"})

    def charge_points(self, _: Request) -> None:
        """List the charge points."""
        data = [point.listed() for point in self.server.listed]
        self.server.push({"object": "CHARGE_POINTS", "data": data})

    def charge_cards(self, _: Request) -> None:
        """List the cards."""
        cards = [messages.card(uid, self.server.cards) for uid in self.server.cards]
        self.server.push({"object": "CHARGE_CARDS", "cards": cards})

    def list_schedules(self, _: Request) -> None:
        """List the schedules of current limits."""
        data = [_schedule(number, each) for number, each in self.schedules.items()]
        self._reply("LIST_OVERRIDE_CURRENT", data)

    def set_schedule(self, request: Request) -> None:
        """Create a schedule, or change one."""
        is_new = request["command"] == "POST_SET_OVERRIDE_CURRENT"
        number = max(self.schedules, default=100) + 1 if is_new else int(request["schedule_id"])
        known = all(self.server.find(each) for each in request["chargepoints"])
        if not known or (not is_new and number not in self.schedules):
            self._reply(
                request["command"],
                {"override_start_days": "", "override_end_days": ""},
                "not found",
            )
            return
        self.schedules[number] = request
        self.apply_schedules()
        self._reply(request["command"], _schedule(number, request))

    def clear_schedule(self, request: Request) -> None:
        """Delete a schedule; its id is a number."""
        found = self.schedules.pop(request["schedule_id"], None)
        self.apply_schedules()
        self._reply(request["command"], {}, "" if found else "not found")

    def apply_schedules(self) -> None:
        """Limit the charge points whose schedule applies now, as smart charging does.

        How Blue Current reports such a limit is not documented.
        """
        now = datetime.now(messages.TIME_ZONE)
        for point in self.server.listed:
            limits = [
                float(each["overridevalue"])
                for each in self.schedules.values()
                if point.evse_id in each["chargepoints"] and _holds(each, now)
            ]
            allowed = min(limits, default=None)
            if allowed == self._allowed.get(point.evse_id):
                continue
            if allowed is None:
                del self._allowed[point.evse_id]
            else:
                self._allowed[point.evse_id] = allowed
            point.allow(allowed)

    def _reply(self, command: str, data: object, error: str = "") -> None:
        self.server.push({"object": command, "success": not error, "error": error, "data": data})

    # Charge point -------------------------------------------------------------------

    async def status(self, point: BlueCurrentChargepoint, _: Request) -> None:
        """Report the status of a charge point."""
        point.push()

    async def settings(self, point: BlueCurrentChargepoint, _: Request) -> None:
        """Report the settings of a charge point."""
        point.push_settings()

    async def grid_status(self, point: BlueCurrentChargepoint, _: Request) -> None:
        """Report the load of the building."""
        loads = {f"grid_actual_p{line}": load for line, load in enumerate(self.server.load, 1)}
        first = self.server.listed[0].evse_id
        data = {"id": f"GRID-{first}", **loads, "grid_max_install": 40, "grid_max_reserved": 25}
        # It does not contain the charge point that it is for.
        self.server.push({"object": "GRID_STATUS", "data": data})

    async def start(self, point: BlueCurrentChargepoint, request: Request) -> None:
        """Start a session."""
        self.server.push(messages.received("START_SESSION"))
        error = await point.start(str(request.get("session_token")))
        self.server.push(messages.verdict("START_SESSION", point.evse_id, error))

    async def stop(self, point: BlueCurrentChargepoint, _: Request) -> None:
        """End a session."""
        if not point.charging:
            error = f"no active session for chargepoint: {point.evse_id}"
            self.server.push(messages.received("STOP_SESSION", error))
            return
        self.server.push(messages.received("STOP_SESSION"))
        error = await point.stop()
        self.server.push(messages.verdict("STOP_SESSION", point.evse_id, error))

    async def restart(self, point: BlueCurrentChargepoint, request: Request) -> None:
        """Restart the software of a charge point, or the whole device."""
        command = request["command"]
        self.server.push(messages.received(command))
        error = await point.restart(hard=command == "REBOOT")
        self.server.push(messages.verdict(command, point.evse_id, error))

    async def operative(self, point: BlueCurrentChargepoint, request: Request) -> None:
        """Block or unblock a charge point; the outcome shows only in its status."""
        command = request["command"]
        self.server.push(messages.received(command))
        point.block(value=command == "SET_INOPERATIVE")

    async def set(self, point: BlueCurrentChargepoint, request: Request) -> None:
        """Change a setting."""
        command = request["command"]
        name, value = command.removeprefix("SET_").lower(), request.get("value")
        self.server.push(messages.received(command))
        if point.silent:
            return
        if point.refusal is not None or not isinstance(value, bool):
            self.server.push(messages.verdict(command, point.evse_id, point.refusal or "REJECTED"))
            return
        point.set(name, value)
        result = {"setting": f"{name} set to {json.dumps(value)}"}
        frame = messages.verdict(command, point.evse_id, result=result)
        if not point.gives_result:
            del frame["result"]
        self.server.push(frame)

    async def save_delayed(self, point: BlueCurrentChargepoint, request: Request) -> None:
        """Change the times in which delayed charging lets a car charge."""
        point.settings["delayed_charging_details"] = {
            "start_time": request["start_time"],
            "end_time": request["end_time"],
            "selected_days": json.loads(request["days"]),
            "smart_current_heartbeat_timeout": 0,
        }
        await self._done(point, request)

    async def patch_price_based(self, point: BlueCurrentChargepoint, request: Request) -> None:
        """Change the goal of price-based charging."""
        details = point.settings.setdefault("price_based_charging_details", {})
        names = {"expected_departure_time": "expected_leave_time"}
        for name in (
            "expected_departure_time",
            "current_battery_pct",
            "minimum_pct",
            "battery_size_kwh",
        ):
            if name in request:
                details[names.get(name, name)] = request[name]
        await self._done(point, request)

    async def boost(self, point: BlueCurrentChargepoint, request: Request) -> None:
        """Charge now, regardless of any profile, or follow the profile again."""
        point.boosting = bool(request.get("value", True))
        point.held_back = point.held_back and not point.boosting
        point.offer()
        await self._done(point, request)
        point.push()

    async def _done(self, point: BlueCurrentChargepoint, request: Request) -> None:
        command = request["command"]
        self.server.push(messages.received(command, point.refusal or ""))


def _holds(schedule: Request, now: datetime) -> bool:
    """Return whether a schedule is active: it began more recently than it ended."""
    since = {}
    for name in ("start", "stop"):
        hour, minute = map(int, schedule[f"override{name}time"].split(":"))
        since[name] = min(
            (
                (now.weekday() - _DAYS.index(day)) * 1440
                + now.hour * 60
                + now.minute
                - hour * 60
                - minute
            )
            % (7 * 1440)
            for day in schedule[f"override{name}days"]
        )
    return since["start"] < since["stop"]


def _schedule(number: int, request: Request) -> Request:
    return {
        "schedule_id": str(number),
        "charge_points": request["chargepoints"],
        "override_start_time": request["overridestarttime"],
        "override_start_days": ",".join(request["overridestartdays"]),
        "override_end_time": request["overridestoptime"],
        "override_end_days": ",".join(request["overridestopdays"]),
        "override_current": request["overridevalue"],
    }


_OF_ACCOUNT: Final[dict[str, Callable[[Requests, Request], None]]] = {
    "HELLO": Requests.hello,
    "GET_CHARGE_POINTS": Requests.charge_points,
    "GET_CHARGE_CARDS": Requests.charge_cards,
    "LIST_OVERRIDE_CURRENT": Requests.list_schedules,
    "POST_SET_OVERRIDE_CURRENT": Requests.set_schedule,
    "POST_EDIT_OVERRIDE_CURRENT": Requests.set_schedule,
    "POST_CLEAR_OVERRIDE_CURRENT": Requests.clear_schedule,
}
_OF_CHARGE_POINT: Final[dict[str, Handler]] = {
    "GET_CH_STATUS": Requests.status,
    "GET_CH_SETTINGS": Requests.settings,
    "GET_GRID_STATUS": Requests.grid_status,
    "START_SESSION": Requests.start,
    "STOP_SESSION": Requests.stop,
    "SOFT_RESET": Requests.restart,
    "REBOOT": Requests.restart,
    "SET_OPERATIVE": Requests.operative,
    "SET_INOPERATIVE": Requests.operative,
    **dict.fromkeys(
        (
            "SET_PLUG_AND_CHARGE",
            "SET_PUBLIC_CHARGING",
            "SET_DELAYED_CHARGING",
            "SET_PRICE_BASED_CHARGING",
        ),
        Requests.set,
    ),
    "SAVE_SCHEDULE_DELAYED_CHARGING": Requests.save_delayed,
    "PATCH_PRICE_BASED_CHARGING_SETTINGS": Requests.patch_price_based,
    "OVERRIDE_DELAYED_CHARGING_TIMEOUT": Requests.boost,
    "OVERRIDE_CHARGING_PROFILES": Requests.boost,
}
