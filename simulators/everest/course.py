"""The course of a session: the actions of an EVSE, and the duration of each step."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from . import messages
from .charging import Charging
from .delay import RandomDelay
from .energy import Energy
from .point import Point
from .vocabulary import Source
from .voice import Session

# Durations of the steps of a real EVerest, in seconds.
_AUTHORIZE = 1.0
_TRANSACTION = 0.1
_FIRST_PREPARE = 1.7
_REPLUG_AFTER_BOOT = 0.7

# The protocol between EVSE and car: without a car, and the usual ones.
_IDLE = "Unknown"
_BASIC = "IEC61851-1"
_DIRECT = "DIN70121"


class Course:
    """The steps of an EVSE, one after the other."""

    def __init__(self, evse: Point, energy: Energy, delay: RandomDelay) -> None:
        """Start enabled, without a session."""
        self._evse = evse
        self._delay = delay
        self._station = evse.station
        self._sources: dict[str, Source] = {}
        self._charging = Charging(evse, energy, delay)
        self._procedure: asyncio.Task[None] | None = None
        self.source = Source()
        """Who decides whether the EVSE is enabled."""
        self.enabled = True
        self.reservation: int | None = None

    def reset(self) -> None:
        """Forget everything, as in a restart."""
        self.halt()
        self._sources.clear()
        self._charging.reset()
        self.source = Source()
        self.enabled = True
        self.reservation = None

    def halt(self) -> None:
        """Stop the present procedure."""
        if self._procedure:
            self._procedure.cancel()

    # State ------------------------------------------------------------------------

    @property
    def charging_allowed(self) -> bool:
        """Whether a transaction is running."""
        return self._evse.voice.charging_allowed

    @property
    def unused(self) -> dict[str, Any] | None:
        """The token that was accepted but has not begun a transaction yet."""
        session = self._evse.voice.session
        waits = session and not session.ended and not session.transaction_started
        return session.token if session and waits else None

    def wants(self, token: dict[str, Any]) -> bool:
        """Return whether a token would begin a transaction."""
        evse, session = self._evse, self._evse.voice.session
        if not self.enabled or not evse.reachable or evse.refusal:
            return False
        if session is None or session.ended:
            return not evse.connector.plugged
        return session.token is None

    def ends(self, token: dict[str, Any]) -> bool:
        """Return whether a token is the one that began the transaction."""
        session = self._evse.voice.session
        mine = session and session.token and session.token["id_token"] == token["id_token"]
        return bool(mine) and self.charging_allowed and not self._evse.refusal

    # Commands -----------------------------------------------------------------------

    def authorize(self, token: dict[str, Any]) -> None:
        """Begin with an accepted token."""
        session = self._evse.voice.session
        if session is None or session.ended:
            self.begin_session("Authorized", token)
        else:
            self._proceed(self._start_transaction(token))

    def deauthorize(self) -> None:
        """Withdraw a token that has not been used yet."""
        session = self._evse.voice.session
        if session and self.unused:
            self._evse.voice.event("Deauthorized")
            session.token = None
            if not self._evse.connector.plugged:
                self.end("DeAuthorized")

    def pause(self, *, paused: bool) -> bool:
        """Pause or resume; newer releases report success even if nothing changes."""
        if not self.charging_allowed:
            return False
        if self._station.dialect.waits:
            where = "Charging" if paused else "ChargingPausedEVSE"
            if self._evse.voice.state != where:
                return False
        self._charging.paused = paused
        self.settle()
        return True

    def settle(self) -> None:
        """Move from the present state to the one that the facts require."""
        if self.charging_allowed:
            self._proceed(self._charging.settle())

    def stop_transaction(self, reason: str) -> bool:
        """End the transaction; another one requires replugging."""
        session = self._evse.voice.session
        if session is None or not session.charging_allowed:
            return False
        session.stopping = True
        self._proceed(self._stop(reason))
        return True

    def unlock(self) -> bool:
        """Force the connector to unlock, which ends the transaction."""
        if not self._evse.setup.lock:
            return False
        self.stop_transaction("UnlockCommand")
        return True

    def reserve(self, number: int) -> bool:
        """Mark the EVSE as reserved, which does not change its state."""
        voice = self._evse.voice
        free = voice.session is None or voice.session.ended is not None
        if self.reservation is not None or not self.enabled or not free:
            return False
        self.reservation = number
        voice.event("ReservationStart", session="")
        return True

    def cancel_reservation(self) -> None:
        """Mark the EVSE as no longer reserved."""
        if self.reservation is not None:
            self.reservation = None
            self._evse.voice.event("ReservationEnd", session="")

    def enable(self, source: Source, connector: int) -> bool:
        """Apply the request of one source to be enabled or disabled; the first wins."""
        if source.state == "Unassigned":
            self._sources.pop(source.name, None)
        else:
            self._sources[source.name] = source
        first = min(self._sources.values(), key=lambda s: s.priority, default=Source())
        self.source = first
        enabled = first.state != "Disable"
        if enabled is not self.enabled:
            self.enabled = enabled
            if not enabled:
                self.end("EVSEDisabled" if self._station.dialect.latches else "Other")
            details: dict[str, Any] = {"source": source.encode()}
            if connector:
                details["connector_id"] = connector
            word = "Enabled" if enabled else "Disabled"
            self._evse.voice.event(word, session="", **details)
        return enabled

    # Sessions -------------------------------------------------------------------------

    def arrive(self) -> None:
        """Detect a car."""
        voice = self._evse.voice
        voice.car(here=True)
        session = voice.session
        if session and not session.ended and session.token:
            # The card came first.
            voice.event("AuthRequired")
            self._proceed(self._start_transaction(session.token))
            return
        self.begin_session("EVConnected")
        if self._evse.setup.authorize:
            self._proceed(self._swipe_soon())

    def leave(self) -> None:
        """Detect that the car has left."""
        self._charging.reset()
        self.end("EVDisconnected")

    def replug(self) -> None:
        """Detect, soon after a start, the car that was there before."""
        self._proceed(self._replug())

    def begin_session(self, reason: str, token: dict[str, Any] | None = None) -> None:
        """Begin a session, triggered by a car or by a card."""
        evse, voice = self._evse, self._evse.voice
        voice.begin(Session(token=token))
        if token:
            voice.tell_car(here=False)
        evse.connector.previous, evse.connector.energy = evse.connector.energy, 0.0
        started: dict[str, Any] = {"meter_value": voice.meter_value, "reason": reason}
        if token:
            started["id_tag"] = {**token, "connectors": [evse.number]}
        voice.event("SessionStarted", session_started=started)
        usual = _DIRECT if evse.setup.dc else _BASIC
        protocol = evse.setup.protocol or usual
        voice.event("Authorized" if token else "AuthRequired", protocol)

    def end(self, reason: str) -> None:
        """Close the session, and its transaction, at once."""
        self.halt()
        voice = self._evse.voice
        session = voice.session
        if session is None or session.ended:
            return
        if session.in_transaction:
            if not session.stopping:
                voice.event("StoppingCharging")
            self._finish(reason)
        self._evse.connector.offer(0)
        voice.sample()
        session.ended = messages.now()
        voice.car(here=False)
        voice.event("SessionFinished", _IDLE, session_finished={"meter_value": voice.meter_value})

    def lose_power(self, before: Session | None) -> None:
        """After a start, close a transaction remembered from before it."""
        if before and before.in_transaction:
            voice = self._evse.voice
            voice.event("SessionResumed:", session=before.uuid)
            finished = {"meter_value": voice.meter_value, "reason": "PowerLoss"}
            voice.event("TransactionFinished", session=before.uuid, transaction_finished=finished)

    # Procedures ---------------------------------------------------------------------

    def _proceed(self, procedure: Coroutine[Any, Any, None]) -> None:
        """Start a procedure; the previous one, if unfinished, is cancelled."""
        if self._procedure:
            self._procedure.cancel()
        self._procedure = self._station.spawn(procedure)

    async def _replug(self) -> None:
        await self._station.sleep(_REPLUG_AFTER_BOOT)
        self._evse.connector.plug()
        self.arrive()

    async def _swipe_soon(self) -> None:
        await self._station.sleep(_AUTHORIZE)
        # Run it separately: its outcome replaces this procedure.
        self._station.spawn(self._swipe())

    async def _swipe(self) -> None:
        await self._evse.show_card("DEADBEEF")

    async def _start_transaction(self, token: dict[str, Any]) -> None:
        evse, voice, session = self._evse, self._evse.voice, self._evse.voice.session
        if session is None:
            return
        if session.token is None:
            session.token = token
            voice.event("Authorized")
        if not evse.connector.plugged:
            return
        await self._station.sleep(_TRANSACTION)
        session.transaction_started = messages.now()
        session.transaction_began = asyncio.get_running_loop().time()
        session.cost_from = evse.connector.lifetime
        started: dict[str, Any] = {
            "id_tag": {**token, "connectors": [evse.number]},
            "meter_value": voice.meter_value,
            "signed_meter_value": messages.signed("start"),
        }
        voice.event("TransactionStarted", transaction_started=started)
        self._delay.begin()
        if not (self._station.dialect.waits and self._charging.reasons_to_pause()):
            voice.event("PrepareCharging")
        await self._charging.settle(_FIRST_PREPARE)

    async def _stop(self, reason: str) -> None:
        await self._charging.stop()
        self._finish(reason)

    def _finish(self, reason: str) -> None:
        """Close the transaction."""
        voice = self._evse.voice
        session = voice.session
        if session is None or not session.in_transaction:
            return
        self._evse.connector.offer(0)
        voice.sample()
        self._charging.reset()
        voice.event("ChargingFinished")
        session.transaction_ended = messages.now()
        finished: dict[str, Any] = {
            "meter_value": voice.meter_value,
            "reason": reason,
            "signed_meter_value": messages.signed("stop"),
            "start_signed_meter_value": messages.signed("start"),
        }
        if reason == "Local" and session.token:
            finished["id_tag"] = session.token
        voice.event("TransactionFinished", transaction_finished=finished)
