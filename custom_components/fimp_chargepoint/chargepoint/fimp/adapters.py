"""Requests to adapters, the programs that connect devices to FIMP, at a moderate rate.

Source: Futurehome FIMP API, sections "Network management", "Thing management" and "App". No answer
is certain, so each request works without the others.
"""

from collections.abc import Callable
from typing import Final

from ..errors import ProtocolError
from ..model import Reason
from ..scheduler import Clock, Timers
from ..watchdog import Inquiry
from .message import encode
from .topic import Adapter

#: Seconds between two requests for an inclusion report: a home has hundreds of things.
_INCLUSION_PACE: Final = 0.5
_INCLUSIONS_MAX: Final = 2000
#: Adapters with many things that are not chargers; the few that are report sooner or later.
_RADIO_ADAPTERS: Final = frozenset({"zigbee", "zw", "zwave-ad"})
#: Seconds between two requests for the login of an adapter and its connection to the vendor; and
#: the interval while it has none, which makes its charge points unavailable.
_LOGIN_PACE: Final = 120.0
_CUT_OFF_PACE: Final = 30.0
#: Adapters that are remembered as cut off, with charge points or without.
_CUT_OFF_MAX: Final = 200

#: The values for a login that is lost, and for one that is not.
_LOGIN_LOST: Final = frozenset({"NOT_AUTHENTICATED", "LOST", "ERROR"})
_LOGGED_IN: Final = frozenset({"AUTHENTICATED", "NA"})
#: Why an adapter reports from its cache: the field that shows it, the value for it, and the values
#: for the opposite. Other values, such as for a login in progress, change nothing.
_CUT_OFF: Final = {
    Reason.SIGNED_OUT: ("auth", "NOT_AUTHENTICATED", _LOGGED_IN),
    Reason.CLOUD_LOST: ("connection", "DISCONNECTED", frozenset({"CONNECTED", "NA"})),
}


class Adapters:
    """The adapters on one broker, and the requests to them."""

    def __init__(self, send: Callable[[str, bytes], None], timers: Timers, clock: Clock) -> None:
        """Send requests by `send(topic, payload)`, paced by `timers` and `clock`."""
        self._send = send
        self._timers = timers
        self._clock = clock
        #: Pending requests for inclusion reports, in order; True if the thing is a charger.
        self._inclusions: dict[tuple[Adapter, str], bool] = {}
        #: What was requested since the connection was made: reports requested by other clients are
        #: no reason to request everything again.
        self._asked: set[Adapter | tuple[Adapter, str]] = set()
        self._only_chargers = False
        self._cut_off: dict[Adapter, frozenset[Reason]] = {}

    def connection_lost(self) -> None:
        """Forget all requests."""
        self._inclusions.clear()
        self._asked.clear()
        self._only_chargers = False

    def ask_things(self, adapter: Adapter, now: float) -> None:
        """Request the things of an adapter, once."""
        if adapter not in self._asked:
            self._asked.add(adapter)
            self._command(adapter, "cmd.network.get_all_nodes", now)

    def only_chargers(self) -> None:
        """Ask only about chargers from now on: the hub's device list is complete."""
        self._only_chargers = True
        self._inclusions = {
            question: True for question, is_charger in self._inclusions.items() if is_charger
        }

    def ask_about(self, adapter: Adapter, thing: str, now: float) -> None:
        """Request information about a thing soon, which may be a charger."""
        if (
            not self._only_chargers
            and adapter.name not in _RADIO_ADAPTERS
            and (adapter, thing) not in self._asked
            and len(self._asked) < _INCLUSIONS_MAX
        ):
            self._asked.add((adapter, thing))
            self._inclusions.setdefault((adapter, thing), False)
            self._keep_asking(now)

    def ask_about_charger(self, adapter: Adapter, thing: str, now: float) -> None:
        """Request the capabilities of a charger before all other requests."""
        self._inclusions.pop((adapter, thing), None)
        self._inclusions = {(adapter, thing): True} | self._inclusions
        self._keep_asking(now)

    def remove(self, adapter: Adapter, thing: str) -> None:
        """Do not ask about a thing that was removed; ask again if it comes back."""
        self._inclusions.pop((adapter, thing), None)
        self._asked.discard((adapter, thing))

    def watch_login(self, adapter: Adapter, now: float) -> None:
        """Check regularly whether an adapter is logged in to its vendor."""
        if not self._login(adapter).is_open:
            self.ask_login(adapter, now)

    def ask_login(self, adapter: Adapter, now: float) -> None:
        """Check now, and regularly from then on."""
        self._login(adapter).start(now)

    def forget_login(self, adapter: Adapter) -> None:
        """Stop checking: the adapter has no charge point left."""
        self._login(adapter).answered()
        self._cut_off.pop(adapter, None)

    def _login(self, adapter: Adapter) -> Inquiry:
        def ask(now: float) -> None:
            self._command(adapter, "cmd.app.get_state", now)

        pace = _LOGIN_PACE if self.cut_off(adapter) is None else _CUT_OFF_PACE
        return Inquiry(self._timers, f"login {adapter}", ask, (pace,))

    def handle_state(self, adapter: Adapter, state: object, now: float) -> bool | None:
        """Process the state of an adapter, or of its login.

        Returns whether the login is lost, None if that is not reported.

        Raises:
            ProtocolError: of kind `value`.

        """
        words = _words(state)
        lost = {reason for reason, (field, word, _) in _CUT_OFF.items() if words[field] == word}
        back = {reason for reason, (field, _, fine) in _CUT_OFF.items() if words[field] in fine}
        before = self._cut_off.pop(adapter, frozenset())
        reasons = before - back | lost
        if reasons and len(self._cut_off) < _CUT_OFF_MAX:
            self._cut_off[adapter] = reasons
        if reasons != before and self._login(adapter).is_open:
            # A report of the login says nothing about the connection, and vice versa.
            self._login(adapter).wait(now)
        auth = words["auth"]
        return True if auth in _LOGIN_LOST else False if auth in _LOGGED_IN else None

    def cut_off(self, adapter: Adapter) -> Reason | None:
        """Return why an adapter cannot reach its charge points, None if it can."""
        reasons = self._cut_off.get(adapter, frozenset())
        return next((reason for reason in _CUT_OFF if reason in reasons), None)

    def _keep_asking(self, now: float) -> None:
        if "inclusions" not in self._timers:
            self._next_inclusion(now)

    def _next_inclusion(self, now: float) -> None:
        if self._inclusions:
            adapter, thing = next(iter(self._inclusions))
            del self._inclusions[adapter, thing]
            self._command(adapter, "cmd.thing.get_inclusion_report", now, thing)
            self._timers.set("inclusions", now + _INCLUSION_PACE, self._next_inclusion)

    def _command(self, adapter: Adapter, kind: str, now: float, thing: str | None = None) -> None:
        value_type = "null" if thing is None else "string"
        when = self._clock.to_datetime(now)
        _, payload = encode(kind, adapter.service, when, value_type=value_type, value=thing)
        self._send(adapter.commands, payload)


def _words(state: object) -> dict[str, str]:
    """Return the values for login and connection in the state of an app, or of its login."""
    if isinstance(state, dict):
        words = {
            "auth": state.get("auth") or state.get("status") or "",
            "connection": state.get("connection") or "",
        }
        if all(isinstance(word, str) for word in words.values()):
            return words
    raise ProtocolError("value", f"the state of an app: {state!r:.80}")
