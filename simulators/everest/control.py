"""External events of an EVSE, as control words that are typed or published."""

from typing import override

from simulators.simulator import Chargepoint, ControlError

from . import messages
from .cards import Cards
from .energy import RequestedLimits
from .evse import Evse
from .faults import SEVERITIES
from .framework import Station
from .ocpp import Ocpp
from .operations import connect
from .requests import MalformedError, one_of
from .setups import EvseSetup
from .vocabulary import STOP_REASONS, Source

_CSMS_PRIORITY = 20
# In kWh; enough to be visible even in a first session.
_LEAST_LOST = 0.134
_ERROR_TYPE = "evse_board_support/VendorWarning"
_NEW_WORD = "TeaBreak"
_FAILURES = (
    "ProtocolNegotiationFailed",
    "AuthorizationFailed",
    "ChargingParametersNotAccepted",
    "EnergyTransferSetupFailed",
    "ChargingInterrupted",
    "FailedTLSHandshake",
    "UnexpectedSessionEnd",
)
_CSMS_STATES = {"disable": "Disable", "enable": "Enable", "release": "Unassigned"}


class EverestChargepoint(Evse):
    """An EVSE with its control words, and those of its station."""

    WORDS = Chargepoint.WORDS | {
        "swipe": "hold an RFID card to the reader; its number may follow",
        "limit": "limit the current to so many ampere",
        "finish": "end the transaction at the station; a reason may follow",
        "deauthorize": "take back a card that nothing has come of yet",
        "timeout": "a card has waited too long for a car, or a car for a card",
        "reservation": "'on' reserves the EVSE, 'off' no more",
        "csms": "the back end decides: 'disable', 'enable' or 'release'",
        "error": "raise an error: severity, type and text, all optional",
        "clear_error": "clear the errors of the type that follows, or all of 'error'",
        "no_power": "'on' lets the meter lose the power, 'off' does no more",
        "reset_meter": "the meter begins at zero, which makes the session negative",
        "new_words": "publish an event and a state that no release has yet",
        "hlc_failure": "an ISO 15118 session fails; the reason may follow",
        "cost": "publish the cost of the session; an amount in EUR may follow",
        "ocpp": "'connect' or 'disconnect' the back end, which must be configured",
        "security": "OCPP has a security event; type and text may follow",
        "key": "the back end sets an OCPP key: name and value",
        "profile": "the back end limits the current to so many ampere",
        "transfer": "the back end sends data; vendor and data may follow",
        "crash": "EVerest dies and is not started again",
        "restart": "restart EVerest; 'resume' closes the old transaction first",
        "bridge": "'off' lets nothing pass to the broker or back, 'on' does again",
    }

    def __init__(
        self,
        station: Station,
        setup: EvseSetup,
        number: int,
        cards: Cards,
        back_end: Ocpp | None,
    ) -> None:
        """Build it, with control words in addition to requests."""
        super().__init__(station, setup, number)
        self._cards = cards
        self._ocpp = back_end
        connect(self)

    # Cards and sessions ---------------------------------------------------------------

    async def swipe(self, number: str = "DEADBEEF") -> None:
        """Present an RFID card to the reader: to begin, or with the same card to end."""
        if not await self.show_card(number):
            raise ControlError("the card is rejected")

    @override
    async def show_card(self, number: str) -> bool:
        return await self._cards.show(messages.token(number), [self])

    async def finish(self, reason: str = "Local") -> None:
        """End the transaction, like a button on the station."""
        if reason not in STOP_REASONS:
            raise ControlError(f"{reason} is no reason; known are {', '.join(STOP_REASONS)}")
        if not self.course.stop_transaction(reason):
            raise ControlError("there is no transaction")

    async def deauthorize(self) -> None:
        """Withdraw a card that has not been used yet."""
        card = self.course.unused
        if card is None:
            raise ControlError("no card waits for anything")
        self.course.deauthorize()
        self._cards.publish_status(card, "Withdrawn")

    async def timeout(self) -> None:
        """Let the wait for a card, or for a car, time out."""
        card = self.course.unused
        if self.voice.state == "AuthRequired":
            self.voice.event("PluginTimeout")
        elif card:
            self._cards.publish_status(card, "TimedOut")
            self.course.deauthorize()
        else:
            raise ControlError("nothing waits for anything")

    async def reservation(self, on: str = "on") -> None:
        """Reserve the EVSE, or cancel that."""
        if on == "off":
            self.course.cancel_reservation()
        elif not self.course.reserve(1):
            raise ControlError("that is not possible now")

    async def csms(self, requested: str) -> None:
        """Enable or disable the EVSE on behalf of the back end."""
        if requested not in _CSMS_STATES:
            raise ControlError(f"known are {', '.join(_CSMS_STATES)}")
        source = Source("CSMS", _CSMS_STATES[requested], _CSMS_PRIORITY)
        self.course.enable(source, 0)

    # Energy -------------------------------------------------------------------------

    async def limit(self, ampere: float | str) -> None:
        """Limit the current."""
        self.energy.request(RequestedLimits.now("limit", ac_max_current_A=_number(ampere)))

    async def profile(self, ampere: float | str) -> None:
        """Limit the current on behalf of the back end."""
        current = _number(ampere)
        self._back_end().schedule(current)
        self.energy.request(RequestedLimits.now("OCPP", ac_max_current_A=current))

    async def cost(self, amount: float | str | None = None) -> None:
        """Report the cost of the session."""
        total = None if amount is None else _number(amount)
        if not self.station.publish_cost(self.number, total):
            raise ControlError("there is no transaction, or no module that reports costs")

    async def no_power(self, on: bool | str = True) -> None:  # noqa: FBT001, FBT002
        """Let the meter lose its power value, or measure it again."""
        self.voice.no_power = on not in (False, "off")

    async def reset_meter(self) -> None:
        """Reset the meter to zero."""
        connector = self.connector
        connector.advance()
        before = connector.lifetime - connector.energy
        self.voice.lost = connector.energy + max(before, _LEAST_LOST)
        connector.lifetime = 0.0

    # Errors and anomalies -----------------------------------------------------------

    async def error(self, text: str = "") -> None:
        """Raise an error that does not affect the operation."""
        words = text.split()
        severity = words.pop(0).capitalize() if words else "Medium"
        if severity not in SEVERITIES:
            raise ControlError(f"the severities are {', '.join(SEVERITIES)}")
        kind = words.pop(0) if words else _ERROR_TYPE
        if kind in self._errors:
            raise ControlError(f"there is an error {kind} already")
        message = " ".join(words) or "Something is not as it should be"
        # The origin is the driver, not the API module: nothing connects the two.
        origin = (f"driver_{self.number}", "board_support")
        self._errors[kind] = self.station.faults.report(
            kind, message, origin=origin, severity=severity
        )

    async def clear_error(self, kind: str = "") -> None:
        """Clear the errors raised by the word ``error``."""
        kinds = [kind] if kind else [*self._errors]
        if not kinds or kinds[0] not in self._errors:
            raise ControlError("there is no such error")
        for each in kinds:
            self.station.faults.clear(self._errors.pop(each))

    async def new_words(self) -> None:
        """Publish values of a future release."""
        known, self.voice.state = self.voice.state, _NEW_WORD
        self.voice.event(_NEW_WORD, tea={"milk": True})
        self.voice.state = known

    async def hlc_failure(self, reason: str = _FAILURES[0]) -> None:
        """Let a session with ISO 15118 fail."""
        session = self.voice.session
        if session is None:
            raise ControlError("there is no session")
        try:
            failure = {"reason": one_of(reason, _FAILURES), "uuid": session.uuid}
        except MalformedError as error:
            raise ControlError(str(error)) from error
        if self.station.dialect.failures:
            self.voice.api.publish("hlc_session_failed", failure)

    @override
    async def garbage(self) -> None:
        """Publish invalid messages on all topics."""
        for topic in self.station.topics_of(self.number):
            for nonsense in messages.NONSENSE:
                self.station.send(topic, nonsense)

    # The back end ---------------------------------------------------------------------

    async def ocpp(self, requested: str) -> None:
        """Connect or disconnect the back end."""
        if requested not in ("connect", "disconnect"):
            raise ControlError("known are connect, disconnect")
        self._back_end().connect(on=requested == "connect")

    async def security(self, text: str = "TamperDetectionActivated") -> None:
        """Raise a security event of OCPP."""
        kind, _, info = text.partition(" ")
        self._back_end().secure(kind, info or "The lid is open")

    async def key(self, text: str) -> None:
        """Set a key on behalf of the back end."""
        name, _, value = text.partition(" ")
        if not self._back_end().dictate(name, value.strip()):
            raise ControlError(f"there is no key {name}")

    async def transfer(self, text: str = "acme") -> None:
        """Send data on behalf of the back end."""
        vendor, _, data = text.partition(" ")
        self._back_end().transfer(vendor, data)

    def _back_end(self) -> Ocpp:
        if self._ocpp is None:
            raise ControlError("OCPP is not configured")
        return self._ocpp

    # The station ------------------------------------------------------------------------

    async def crash(self) -> None:
        """Crash EVerest."""
        self.station.die("crash")

    async def restart(self, how: str = "") -> None:
        """Restart EVerest as a whole."""
        if how not in ("", "resume"):
            raise ControlError("known is resume")
        await self.station.reboot(resume=bool(how))

    async def bridge(self, on: bool | str = True) -> None:  # noqa: FBT001, FBT002
        """Break the bridge to the broker, or repair it; EVerest does not notice."""
        self.station.passable = on not in (False, "off")


def _number(value: float | str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise ControlError(f"{value} is no number") from error
