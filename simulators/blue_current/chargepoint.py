"""A charge point of a Blue Current account."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, override

from simulators.car import NOMINAL_VOLTAGE, Connector

from . import messages
from .words import Account, AccountWords, number

# Duration of actions, in seconds.
_OBEY = 2.0
_PLUG_AND_CHARGE = 3.0
_GIVE_UP = 30.0
_WAIT_FOR_CAR = 60.0
_RESET = 5.0
_REBOOT = 20.0


@dataclass(frozen=True)
class ChargepointSetup:
    """One charge point."""

    name: str = "driveway"
    evse_id: str = "BCU100001"
    phases: int = 3
    needed: float = float("inf")
    """kWh that a car takes."""
    plug_and_charge: bool = False


class BlueCurrentChargepoint(AccountWords):
    """One charge point: its sessions, its settings, and their reports."""

    WORDS: ClassVar[dict[str, str]] = {
        **AccountWords.WORDS,
        "limit": "smart charging allows so many ampere; none: all of them",
        "hold": "'on' lets smart charging keep the car waiting, 'off' lets it charge",
        "null_dates": "'on' reports null for times, 'off' reports them as usual",
        "dateless": "'on' reports no times at all, as while they are disabled",
        "letter": "report this letter of the control pilot; none: the real one",
        "no_result": "'on' leaves out the result of settings, 'off' reports it",
    }

    def __init__(self, setup: ChargepointSetup, account: Account) -> None:
        """Start unplugged, online and available."""
        connector = Connector(
            phases=setup.phases, needed=setup.needed, speed=account.timing.speed, max_current=16.0
        )
        super().__init__(setup.name, connector, account)
        self.evse_id = setup.evse_id
        self.blocked = False
        self.charging = False
        self.held_back = False
        self.boosting = False
        self.started: datetime | None = None
        self.stopped: datetime | None = None
        self.offline_since: datetime | None = None
        self.settings: dict[str, Any] = {
            "plug_and_charge": setup.plug_and_charge,
            "public_charging": True,
            "plug_and_charge_notification": False,
            "publish_location": False,
            "delayed_charging": False,
            "price_based_charging": False,
            "smart_charging": False,
            "led_intensity": 50,
            "led_interaction": True,
            "default_card": messages.NO_CARD,
        }
        self.max_usage = 16
        self.smart_limit: float | None = None
        self.dates = "real"
        self.shown_pilot: str | None = None
        self.gives_result = True
        #: Whether the next report still contains the times of the previous session.
        self._lags = False
        self._before: tuple[datetime | None, datetime | None] = (None, None)
        self._authorized: asyncio.Task[None] | None = None

    # Reports ----------------------------------------------------------------------

    @property
    def activity(self) -> str:
        """The activity that Blue Current reports."""
        if not self.reachable:
            return "offline"
        if self.trouble is not None:
            return "error"
        if self.charging:
            return "charging"
        return "unavailable" if self.blocked else "available"

    @property
    def pilot(self) -> str:
        """The state of the control pilot."""
        if self.shown_pilot is not None:
            return self.shown_pilot
        if self.trouble is not None:
            return "F"
        if not self.connector.plugged:
            return "A"
        asleep = self.connector.car_paused or self.connector.full
        return "C" if self.charging and not asleep else "B"

    def status(self) -> dict[str, Any]:
        """Return a report of its present status."""
        self.connector.advance()
        amperes = round(self.connector.current)
        lines = [amperes if line < self.connector.phases else 0 for line in range(3)]
        data: dict[str, Any] = {
            "evse_id": self.evse_id,
            "socket_id": 1,
            "activity": self.activity,
            "vehicle_status": self.pilot,
            "actual_kwh": round(self.connector.energy, 3),
            "boosting": self.boosting,
            "max_usage": self.max_usage,
            "smartcharging_max_usage": 6 if self.smart_limit is None else self.smart_limit,
            "max_offline": 7,
            "smart_current_heartbeat_timeout": 300 if self.held_back else 0,
            "total_cost": 0 if self.charging else round(self.connector.energy * 0.29, 2),
        }
        for line, current in enumerate(lines, 1):
            data[f"actual_p{line}"] = current
            data[f"actual_v{line}"] = int(NOMINAL_VOLTAGE) if current else 0
        times = self._before if self._lags else (self.started, self.stopped)
        self._lags = False
        for name, moment in zip(
            ("start_datetime", "stop_datetime", "offline_since"),
            (*times, self.offline_since),
            strict=True,
        ):
            data[name] = messages.time_text(None if self.dates == "none" else moment)
            if self.dates == "null":
                data[name] = None
        return {"object": "CH_STATUS", "evse_id": self.evse_id, "data": data}

    def listed(self) -> dict[str, Any]:
        """Return its entry in the list of charge points."""
        found = messages.charge_point(
            self.evse_id, self.name.title(), self.settings, self.account.cards
        )
        return found | {"activity": self.activity}

    @override
    def push(self) -> None:
        """Report its present status."""
        self.account.push(self.status())

    def push_settings(self) -> None:
        """Report its settings."""
        self.account.push(messages.settings_of(self.listed(), self.settings))

    # Events -----------------------------------------------------------------------

    @override
    def changed(self, word: str) -> None:
        if word == "offline":
            self.offline_since = _now()
        elif word == "online":
            self.offline_since = None
        if word == "unplug" and self.charging:
            self._end()
        if word in ("fault", "offline") and self.charging:
            self._end()
        if word == "plug" and (self.settings["plug_and_charge"] or self._authorized is not None):
            self.account.spawn(self._start_soon(_PLUG_AND_CHARGE))
        self.offer()
        self.push()

    def offer(self) -> None:
        """Offer the car the current that is allowed now."""
        limits: list[float] = [self.max_usage]
        if self.settings["smart_charging"] and self.smart_limit is not None:
            limits.append(self.smart_limit)
        flows = self.charging and not self.held_back
        self.connector.offer(min(limits) if flows else 0.0)

    def begin(self) -> None:
        """Begin a session; the next report still contains the times of the previous one."""
        self._before, self._lags = (self.started, self.stopped), True
        self.started, self.stopped = _now(), None
        self.connector.advance()
        self.connector.energy = 0.0
        self.charging = True
        self.offer()
        self.push()

    async def _start_soon(self, seconds: float) -> None:
        await self.account.sleep(seconds)
        usable = self.connector.plugged and self.reachable and not self.blocked
        if usable and not self.charging and self.trouble is None:
            if self._authorized is not None:
                self._authorized.cancel()
                self._authorized = None
            self.begin()

    def _end(self) -> None:
        self.connector.cut()
        self.charging = self.boosting = False
        self.stopped = max(_now(), (self.started or _now()) + timedelta(seconds=1))

    # Commands ---------------------------------------------------------------------

    async def start(self, uid: str) -> str:
        """Start a session with a card; return an error, empty if there is none."""
        if not self.reachable or self.silent:
            await self.account.sleep(_GIVE_UP)
            return "TIMEOUT"
        await self.account.sleep(_OBEY)
        is_known = uid == messages.NO_CARD or uid in self.account.cards
        usable = not self.blocked and self.trouble is None and not self.charging
        if self.refusal is not None or not is_known or not usable:
            return self.refusal or "REJECTED"
        if self.connector.plugged:
            self.account.spawn(self._start_soon(_OBEY))
        else:
            self._authorized = self.account.spawn(self.account.sleep(_WAIT_FOR_CAR))
            self._authorized.add_done_callback(self._forget)
        return ""

    async def stop(self) -> str:
        """End the session; return an error, empty if there is none."""
        if not self.reachable or self.silent:
            await self.account.sleep(_GIVE_UP)
            return "TIMEOUT"
        await self.account.sleep(_OBEY)
        if self.refusal is not None:
            return self.refusal
        self.account.spawn(self._stop_soon())
        return ""

    async def _stop_soon(self) -> None:
        await self.account.sleep(_OBEY)
        if self.charging:
            self._end()
            self.push()

    async def restart(self, *, hard: bool) -> str:
        """Restart; return an error, empty if there is none."""
        if not self.reachable or self.silent:
            await self.account.sleep(_GIVE_UP)
            return "TIMEOUT"
        await self.account.sleep(_OBEY)
        if self.refusal is None:
            self.account.spawn(self._restart_soon(_REBOOT if hard else _RESET))
        return self.refusal or ""

    async def _restart_soon(self, seconds: float) -> None:
        await self.offline()
        await self.account.sleep(seconds)
        await self.online()

    def block(self, *, value: bool) -> None:
        """Block it, once no session runs, or make it available."""
        if self.reachable and not self.silent and self.refusal is None and self.blocked != value:
            self.blocked = value
            self.push()

    def set(self, name: str, value: Any) -> None:
        """Change a setting."""
        self.settings[name] = value
        profiles = ("delayed_charging", "price_based_charging")
        if name in profiles:
            if value:
                self.settings[next(each for each in profiles if each != name)] = False
            self.settings["smart_charging"] = any(self.settings[each] for each in profiles)
            self.offer()

    def _forget(self, _: asyncio.Task[None]) -> None:
        self._authorized = None

    # Control words ----------------------------------------------------------------

    async def limit(self, amperes: str = "") -> None:
        """Set the limit by smart charging."""
        self.allow(number(amperes) if amperes else None)

    def allow(self, limit: float | None) -> None:
        """Set the limit by smart charging in A; None removes it."""
        self.smart_limit = limit
        self.settings["smart_charging"] = limit is not None
        self.offer()
        self.push_settings()
        self.push()

    async def hold(self, on: bool | str = True) -> None:  # noqa: FBT001, FBT002
        """Let smart charging pause the car."""
        self.held_back = on not in (False, "off")
        self.offer()
        self.push()

    async def null_dates(self, on: bool | str = True) -> None:  # noqa: FBT001, FBT002
        """Report null for times."""
        self.dates = "real" if on in (False, "off") else "null"
        self.push()

    async def dateless(self, on: bool | str = True) -> None:  # noqa: FBT001, FBT002
        """Report no times."""
        self.dates = "real" if on in (False, "off") else "none"
        self.push()

    async def letter(self, letter: str = "") -> None:
        """Report this state letter of the control pilot."""
        self.shown_pilot = letter or None
        self.push()

    async def no_result(self, on: bool | str = True) -> None:  # noqa: FBT001, FBT002
        """Omit the result of settings."""
        self.gives_result = on in (False, "off")

    @override
    async def garbage(self) -> None:
        for frame in messages.ODD:
            self.account.push(frame.replace("{evse_id}", self.evse_id))
        no_times = {"start_datetime": None, "offline_since": "yesterday"}
        for odd in ({"vehicle_status": "Z"}, no_times, {"actual_p1": "many"}):
            report = self.status()
            report["data"] |= odd
            self.account.push(report)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
