"""Questions to adapters, the programs that speak for things, at a pace a house can bear.

Source: Futurehome FIMP API, sections "Network management", "Thing management" and
"App". Nothing answers for sure, so each question works without the others.
"""

from collections.abc import Callable
from typing import Any, Final

from ..errors import ProtocolError
from ..model import Reason
from ..scheduler import Clock, Timers
from .message import encode
from .topic import Adapter

#: Seconds between two questions for an inclusion report: a house has hundreds of things.
_INCLUSION_PACE: Final = 0.5
_INCLUSIONS_MAX: Final = 2000
#: Adapters whose many things are no chargers; the few that are turn up passively.
_RADIO_ADAPTERS: Final = frozenset({"zigbee", "zw", "zwave-ad"})
#: Seconds between two questions whether an adapter is logged in and reaches its vendor; of
#: one that does not, which keeps the readings of its charge points away.
_LOGIN_PACE: Final = 120.0
_CUT_OFF_PACE: Final = 30.0
#: Adapters that are remembered for it, with charge points or without.
_CUT_OFF_MAX: Final = 200

#: What an adapter says of its login at its vendor when nothing works any more.
_LOGIN_LOST: Final = frozenset({"NOT_AUTHENTICATED", "LOST", "ERROR"})
_LOGGED_IN: Final = frozenset({"AUTHENTICATED", "NA"})

#: Why what an adapter reports is what it knew last: the field that says so, the word for
#: it, and those for the opposite. Anything in progress changes nothing.
_CUT_OFF: Final = {
    Reason.SIGNED_OUT: ("auth", "NOT_AUTHENTICATED", _LOGGED_IN),
    Reason.CLOUD_LOST: ("connection", "DISCONNECTED", frozenset({"CONNECTED", "NA"})),
}


class Adapters:
    """The adapters on one broker, and what they are to be asked."""

    def __init__(self, send: Callable[[str, bytes], None], timers: Timers, clock: Clock) -> None:
        """Use `send(topic, payload)` to ask, and `timers` to keep the pace by `clock`."""
        self._send = send
        self._timers = timers
        self._clock = clock
        #: Questions for inclusion reports, in order; True where the thing is a charger.
        self._inclusions: dict[tuple[Adapter, str], bool] = {}
        #: Who was asked since the link came up: reports that others asked for are no
        #: reason to ask everything again.
        self._asked: set[Adapter | tuple[Adapter, str]] = set()
        self._only_chargers = False
        #: Why adapters do not reach their charge points, as they say.
        self._cut_off: dict[Adapter, frozenset[Reason]] = {}

    def connection_lost(self) -> None:
        """Forget all questions."""
        self._inclusions.clear()
        self._asked.clear()
        self._only_chargers = False

    def found(self, adapter: Adapter, now: float) -> None:
        """Ask an adapter for its things."""
        if adapter not in self._asked:
            self._asked.add(adapter)
            self._command(adapter, "cmd.network.get_all_nodes", now)

    def only_chargers(self) -> None:
        """Ask for no thing any more that is not known to be a charger: the hub's list is."""
        self._only_chargers = True
        self._inclusions = {
            question: True for question, charger in self._inclusions.items() if charger
        }

    def ask_about(self, adapter: Adapter, thing: str, now: float) -> None:
        """Ask soon what a thing is that may be a charger."""
        if (
            not self._only_chargers
            and adapter.name not in _RADIO_ADAPTERS
            and (adapter, thing) not in self._asked
            and len(self._asked) < _INCLUSIONS_MAX
        ):
            self._asked.add((adapter, thing))
            self._inclusions.setdefault((adapter, thing), False)
            self._go_on(now)

    def ask_about_charger(self, adapter: Adapter, thing: str, now: float) -> None:
        """Ask before all others what a charger can do."""
        self._inclusions.pop((adapter, thing), None)
        self._inclusions = {(adapter, thing): True} | self._inclusions
        self._go_on(now)

    def forget(self, adapter: Adapter, thing: str) -> None:
        """Do not ask about a thing that is gone; ask anew if it comes back."""
        self._inclusions.pop((adapter, thing), None)
        self._asked.discard((adapter, thing))

    def watch_login(self, adapter: Adapter, now: float) -> None:
        """Ask an adapter from time to time whether it is logged in at its vendor's."""
        name = f"login {adapter}"
        if name not in self._timers:
            self.ask_login(adapter, now)

    def forget_login(self, adapter: Adapter) -> None:
        """Do not ask any more: no charge point of this adapter is left."""
        self._timers.cancel(f"login {adapter}")
        self._cut_off.pop(adapter, None)

    def handle_state(self, adapter: Adapter, state: Any, now: float) -> None:
        """Take the state of an adapter, or of its login.

        Raises:
            ProtocolError: of kind `value`.

        """
        before = self._cut_off.get(adapter, frozenset())
        reasons = cut_off(state, before)
        self._cut_off.pop(adapter, None)
        if reasons and len(self._cut_off) < _CUT_OFF_MAX:
            self._cut_off[adapter] = reasons
        if reasons != before and f"login {adapter}" in self._timers:
            # What says only one of them leaves the other one open.
            self._ask_login_at(adapter, now + self._login_pace(adapter))

    def cut_off(self, adapter: Adapter) -> Reason | None:
        """Return why an adapter does not reach its charge points, None where it does."""
        reasons = self._cut_off.get(adapter, frozenset())
        return next((each for each in _CUT_OFF if each in reasons), None)

    def ask_login(self, adapter: Adapter, now: float) -> None:
        """Ask now, and again after some time."""
        self._command(adapter, "cmd.app.get_state", now)
        self._ask_login_at(adapter, now + self._login_pace(adapter))

    def _login_pace(self, adapter: Adapter) -> float:
        return _LOGIN_PACE if self.cut_off(adapter) is None else _CUT_OFF_PACE

    def _ask_login_at(self, adapter: Adapter, when: float) -> None:
        self._timers.set(f"login {adapter}", when, lambda now: self.ask_login(adapter, now))

    def _go_on(self, now: float) -> None:
        if "inclusions" not in self._timers:
            self._next_inclusion(now)

    def _next_inclusion(self, now: float) -> None:
        if self._inclusions:
            adapter, thing = next(iter(self._inclusions))
            del self._inclusions[adapter, thing]
            self._command(
                adapter,
                "cmd.thing.get_inclusion_report",
                now,
                value_type="string",
                value=thing,
            )
            self._timers.set("inclusions", now + _INCLUSION_PACE, self._next_inclusion)

    def _command(self, adapter: Adapter, kind: str, now: float, **fields: Any) -> None:
        _, payload = encode(kind, adapter.service, self._clock.to_datetime(now), **fields)
        self._send(adapter.commands, payload)


def signed_out(state: Any) -> bool | None:
    """Return whether the state of an app, or of its login, says so; None where it does not.

    Raises:
        ProtocolError: of kind `value`.

    """
    auth = _words(state)["auth"]
    return True if auth in _LOGIN_LOST else False if auth in _LOGGED_IN else None


def cut_off(state: Any, known: frozenset[Reason]) -> frozenset[Reason]:
    """Return why an adapter does not reach its charge points, after it told its `state`.

    Raises:
        ProtocolError: of kind `value`.

    """
    words = _words(state)
    lost = {reason for reason, (field, word, _) in _CUT_OFF.items() if words[field] == word}
    back = {reason for reason, (field, _, fine) in _CUT_OFF.items() if words[field] in fine}
    return known - back | lost


def _words(state: Any) -> dict[str, str]:
    """Return what the state of an app, or of its login, says of login and connection."""
    fields = state if isinstance(state, dict) else {"auth": state}
    words = {
        "auth": fields.get("auth") or fields.get("status") or "",
        "connection": fields.get("connection") or "",
    }
    if not all(isinstance(each, str) for each in words.values()) or fields is not state:
        raise ProtocolError("value", f"the state of an app: {state!r:.80}")
    return words
