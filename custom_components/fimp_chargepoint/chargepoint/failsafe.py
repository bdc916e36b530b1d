"""Lets the broker limit a charge point when Home Assistant is gone.

A connection that has no other purpose registers the message as its Last Will. MQTT 3.1.1, 3.1.2.5:
the broker publishes it when the connection ends without DISCONNECT, or when nothing was received
for 1.5 times the keepalive.
"""

import asyncio
from contextlib import suppress
import logging
from typing import Final, NamedTuple

from .charge_point import Chargepoint
from .errors import ChargepointError, NoAnswerError, NotConnectedError
from .internal_errors import InternalErrors
from .model import Feature
from .node import Request
from .transport.mqtt import MqttTransport, SettingsSource

_LOGGER = logging.getLogger(__name__)

#: Seconds between a change and the connection with the new message. By then, the limit that will
#: be restored is stored, and simultaneous changes are registered together.
_SETTLING_TIME = 2.0
#: Seconds to send the last message.
_SENDING_TIME: Final = 3.0

#: The limits that a station takes from outside in the same message.
_SENT_WITH_CURRENT: Final = (Feature.MAX_POWER, Feature.PHASES)


class _Registered(NamedTuple):
    """What distinguishes one registered message from another."""

    current: float
    topic: str
    #: The limits that are sent in the same message.
    others: tuple[object, ...]


class FailsafeGuard:
    """The connection whose end limits one charge point."""

    def __init__(
        self,
        charge_point: Chargepoint,
        safe_current: float,
        settings: SettingsSource,
        internal_errors: InternalErrors,
    ) -> None:
        """Start to follow `charge_point`; at most `safe_current` A are registered for it."""
        self.internal_errors = internal_errors
        self._charge_point = charge_point
        self._changed = asyncio.Event()
        self._failsafe = charge_point.limits.failsafe
        self._failsafe.when_settled = self._changed.set
        self._safe_current = safe_current
        self._transport = MqttTransport(settings, self)
        self._registered: _Registered | None = None
        #: Whether the broker has the message.
        self._is_guarded = False
        self._was_lost = False
        self._stop_listening = charge_point.add_listener(lambda _: self._changed.set())
        self._task = asyncio.create_task(self._run(), name="failsafe")

    async def stop(self, *, send: bool = False) -> None:
        """Disconnect, so that the broker sends nothing; if `send`, send the message ourselves."""
        self._stop_listening()
        self._task.cancel()
        await asyncio.wait([self._task])
        message = self._message()
        sent = False
        if send and message is not None:
            registered, request = message
            self._failsafe.registered(registered.current)
            self._failsafe.stop()
            with suppress(NotConnectedError, TimeoutError):
                # Not on its own connection, which may be about to be renewed.
                async with asyncio.timeout(_SENDING_TIME):
                    await self._charge_point.host.deliver(request)
                    sent = True
        await self._transport.stop()
        if not sent:
            self._failsafe.registered(None)

    async def _run(self) -> None:
        """Register the current message, again whenever it changes."""
        # By then, the requests of an earlier run are restored.
        await asyncio.sleep(_SETTLING_TIME)
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not self._charge_point.snapshot.available:
                continue
            try:
                await self._renew()
            except Exception as error:  # noqa: BLE001
                self.internal_errors.report(error, self._charge_point)

    async def _renew(self) -> None:
        """Register the message if it differs from the registered one."""
        message = self._message()
        if (message and message[0]) == self._registered:
            # The limit to restore may be another one by now.
            self._failsafe.registered(message and message[0].current)
            return
        # At once: the former message may allow more current than applies now.
        await self._transport.stop()
        self._registered, self._is_guarded = None, False
        message = self._message()
        self._failsafe.registered(message and message[0].current)
        if message is None:
            return
        await asyncio.sleep(_SETTLING_TIME)
        registered, _ = message
        message = self._message()
        if message is None or message[0] != registered:
            self._changed.set()
            return
        self._registered, request = message
        self._transport.open((request.topic, request.payload))

    def _message(self) -> tuple[_Registered, Request] | None:
        """Return what to register now, None if nothing may be registered."""
        current = self._failsafe.current(self._safe_current)
        if current is None:
            return None
        request = self._charge_point.failsafe_request(current)
        snapshot = self._charge_point.snapshot
        others: tuple[object, ...] = ()
        if self._charge_point.takes_limits_from_outside:
            others = (
                snapshot.phases,
                *(snapshot.requested.limits.get(each) for each in _SENT_WITH_CURRENT),
                *(snapshot.pending.get(each) for each in _SENT_WITH_CURRENT),
            )
        return _Registered(current, request.topic, others), request

    # What the transport calls ---------------------------------------------------

    def connection_made(self) -> None:
        """The broker has the message."""
        self._is_guarded = True
        if self._was_lost:
            self._was_lost = False
            # The broker may have noticed the end of the former connection only now.
            self._suspect()

    def connection_lost(self, error: ChargepointError) -> None:
        """The broker may send the message, although Home Assistant is still there."""
        # An attempt to connect contains the message. Maybe only the broker's answer was lost.
        if self._is_guarded or isinstance(error, NoAnswerError):
            self._was_lost = True
            self._suspect()
        if self._is_guarded:
            self._is_guarded = False
            _LOGGER.info("%s: no failsafe for now: %s", self._charge_point.address, error)

    def connection_refused(self, error: ChargepointError) -> None:
        """Wait until the hub has other credentials."""
        self.connection_lost(error)

    def _suspect(self) -> None:
        self._failsafe.suspect(self._charge_point.host.clock.now())
