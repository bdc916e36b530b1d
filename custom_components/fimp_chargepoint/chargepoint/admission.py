"""Which new nodes are made: not more at a time than anybody installs.

Whoever can publish on the broker can invent addresses, and each would become a device. So
what is registered always has its place, some new ones come in by themselves, and the others
wait until the user lets them in. Nothing is made of those that wait: their addresses are
noted, and their messages dropped.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple, Protocol

from .notices import HubWarning, NewNodesWait
from .scheduler import Action, Clock, Scheduler, Timers

#: New nodes that come in by themselves within so many seconds.
NEW_MAX: Final = 64
NEW_WITHIN: Final = 600.0
#: Those that wait; of more, the ones that were heard last.
WAITING_MAX: Final = 1000
#: Seconds without a word after which one that waits is forgotten.
PATIENCE: Final = 86400.0
#: Seconds in which more may turn up before the user is told: a flood is one notice.
_COUNTING_TIME: Final = 2.0
#: Addresses that the user is shown, and what identifies the notice.
_EXAMPLES: Final = 3
_KEY: Final = "waiting"


class NoticeHost(Protocol):
    """What whoever has something to tell the user needs of the hub."""

    clock: Clock
    scheduler: Scheduler

    def warn(self, warning: HubWarning) -> None:
        """Tell the user, once, of what only the user can put right."""

    def withdraw(self, key: str) -> None:
        """It was put right, or was never wrong."""


class _Waiting(NamedTuple):
    heard_at: float
    let_in: Action


class Admission:
    """Lets new nodes onto a hub, a few at a time."""

    def __init__(self, hub: NoticeHost, known: Iterable[str]) -> None:
        """Let those with the `known` addresses in at any time."""
        self._hub = hub
        self._timers = Timers(hub.scheduler, self)
        self._known = set(known)
        #: When the last new ones came in automatically; an entry keeps it over a reload.
        self.came_in: deque[float] = deque(maxlen=NEW_MAX)
        #: By address, those that were heard last at the end.
        self._waiting: dict[str, _Waiting] = {}
        #: What is to be done for those that the user has let in.
        self._let_in: deque[Action] = deque()

    @property
    def known(self) -> frozenset[str]:
        """The addresses of all that are registered, or have come in."""
        return frozenset(self._known)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The addresses of those that wait."""
        return tuple(self._waiting)

    def knows(self, address: str) -> bool:
        """Return whether `address` is registered, or has come in."""
        return address in self._known

    def admits(self, address: str, now: float, let_in: Action | None = None) -> bool:
        """Return whether a node with `address` may be made; if not, it waits from now on.

        Once the user has let it in, `let_in` is called with the time.
        """
        if address in self._known:
            return True
        # Nobody overtakes those that wait.
        if not self._waiting and self._has_room(now):
            self.came_in.append(now)
            self._known.add(address)
            return True
        self._wait(address, _Waiting(now, let_in or (lambda _: None)))
        return False

    def waits(self, address: str, now: float) -> bool:
        """Return whether `address`, which was heard now, waits."""
        waiting = self._waiting.get(address)
        if waiting is None:
            return False
        self._wait(address, waiting._replace(heard_at=now))
        return True

    def admit_all(self) -> None:
        """Let in all that wait, one after the other."""
        now = self._hub.clock.now()
        self._known.update(self._waiting)
        self._let_in.extend(each.let_in for each in self._waiting.values())
        self._waiting.clear()
        self.came_in.clear()
        self._tell(now)
        if self._let_in:
            self._timers.set("let in", now, self._let_next_in)

    def gone(self, address: str) -> None:
        """A node that was in is gone: it is new when it comes back."""
        self._known.discard(address)

    def forget(self, address: str) -> None:
        """One that may be waiting is gone, as its own system says."""
        if self._waiting.pop(address, None) is not None:
            self._tell_soon(self._hub.clock.now())

    def _has_room(self, now: float) -> bool:
        return len(self.came_in) < NEW_MAX or now - self.came_in[0] >= NEW_WITHIN

    def _wait(self, address: str, waiting: _Waiting) -> None:
        is_new = self._waiting.pop(address, None) is None
        self._waiting[address] = waiting
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]
        if is_new:
            self._tell_soon(waiting.heard_at)
        if "forget" not in self._timers:
            self._timers.set("forget", waiting.heard_at + PATIENCE, self._forget_silent)

    def _forget_silent(self, now: float) -> None:
        """Forget those that were not heard for long; look again when the next one is due."""
        for address, waiting in tuple(self._waiting.items()):
            if now - waiting.heard_at < PATIENCE:
                self._timers.set("forget", waiting.heard_at + PATIENCE, self._forget_silent)
                break
            del self._waiting[address]
        self._tell(now)

    def _let_next_in(self, now: float) -> None:
        """One at a time: each makes a device, and one that fails costs no other one."""
        let_in = self._let_in.popleft()
        if self._let_in:
            self._timers.set("let in", now, self._let_next_in)
        let_in(now)

    def _tell_soon(self, now: float) -> None:
        if "tell" not in self._timers:
            self._timers.set("tell", now + _COUNTING_TIME, self._tell)

    def _tell(self, _: float) -> None:
        if not self._waiting:
            self._hub.withdraw(_KEY)
            return
        count = len(self._waiting)
        more = "+" if count >= WAITING_MAX else ""
        examples = [each.partition(":")[2] for each in islice(self._waiting, _EXAMPLES)]
        self._hub.warn(NewNodesWait(_KEY, f"{count}{more}", ", ".join(examples)))
