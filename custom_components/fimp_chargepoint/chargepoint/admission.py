"""Which new nodes are created: no more at a time than anyone would install.

Anyone who can publish on the broker can invent addresses, and each would become a device. So
registered nodes are always admitted, a limited number of new ones is admitted automatically, and
the others wait until the user admits them. Nothing is created for those that wait: their addresses
are noted, and their messages dropped.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple, Protocol

from .notices import HubWarning, NewNodesWait
from .scheduler import Action, Clock, Scheduler, Timers

#: Maximum number of new nodes that are admitted automatically within so many seconds.
NEW_MAX: Final = 64
NEW_WITHIN: Final = 600.0
#: Maximum number of waiting nodes; beyond that, the most recent ones.
WAITING_MAX: Final = 1000
#: Seconds of silence after which a waiting node is forgotten.
PATIENCE: Final = 86400.0
#: Seconds to wait for more nodes before the user is informed: a flood is one notice.
_COUNTING_TIME: Final = 2.0
#: Number of addresses that the user is shown, and the key of the notice.
_EXAMPLES: Final = 3
_KEY: Final = "waiting"


class NoticeHost(Protocol):
    """What a component that informs the user needs from the hub."""

    clock: Clock
    scheduler: Scheduler

    def warn(self, warning: HubWarning) -> None:
        """Inform the user, once, of a problem that only the user can solve."""

    def withdraw(self, key: str) -> None:
        """Withdraw a warning: the problem was solved, or did not exist."""


class _Waiting(NamedTuple):
    received_at: float
    on_admitted: Action


class Admission:
    """Admits new nodes to a hub, a limited number at a time."""

    def __init__(self, hub: NoticeHost, known: Iterable[str]) -> None:
        """Always admit nodes with the `known` addresses."""
        self._hub = hub
        self._timers = Timers(hub.scheduler, self)
        self._known = set(known)
        #: When the last new nodes were admitted automatically; an entry keeps this during a reload.
        self.admitted_at: deque[float] = deque(maxlen=NEW_MAX)
        #: By address; those received last are at the end.
        self._waiting: dict[str, _Waiting] = {}
        #: The actions for nodes that the user has admitted and that are not added yet.
        self._admitted: deque[Action] = deque()

    @property
    def known(self) -> frozenset[str]:
        """The addresses of all nodes that are registered, or were admitted."""
        return frozenset(self._known)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The addresses of the waiting nodes."""
        return tuple(self._waiting)

    def knows(self, address: str) -> bool:
        """Return whether `address` is registered, or was admitted."""
        return address in self._known

    def admits(self, address: str, now: float, on_admitted: Action | None = None) -> bool:
        """Return whether a node with `address` may be created; if not, it waits from now on.

        When the user has admitted it, `on_admitted` is called with the time.
        """
        if address in self._known:
            return True
        # Waiting nodes come first.
        if not self._waiting and self._has_room(now):
            self.admitted_at.append(now)
            self._known.add(address)
            return True
        self._wait(address, _Waiting(now, on_admitted or (lambda _: None)))
        return False

    def waits(self, address: str, now: float) -> bool:
        """Return whether `address`, which was just received, waits."""
        waiting = self._waiting.get(address)
        if waiting is None:
            return False
        self._wait(address, waiting._replace(received_at=now))
        return True

    def admit_all(self) -> None:
        """Admit all waiting nodes, one after the other."""
        now = self._hub.clock.now()
        self._known.update(self._waiting)
        self._admitted.extend(each.on_admitted for each in self._waiting.values())
        self._waiting.clear()
        self.admitted_at.clear()
        self._notify(now)
        if self._admitted:
            self._timers.set("add", now, self._add_next)

    def gone(self, address: str) -> None:
        """Forget an admitted node that was removed: it is new if it comes back."""
        self._known.discard(address)

    def forget(self, address: str) -> None:
        """Forget a node that may be waiting; its own system has removed it."""
        if self._waiting.pop(address, None) is not None:
            self._notify_soon(self._hub.clock.now())

    def _has_room(self, now: float) -> bool:
        return len(self.admitted_at) < NEW_MAX or now - self.admitted_at[0] >= NEW_WITHIN

    def _wait(self, address: str, waiting: _Waiting) -> None:
        is_new = self._waiting.pop(address, None) is None
        self._waiting[address] = waiting
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]
        if is_new:
            self._notify_soon(waiting.received_at)
        if "forget" not in self._timers:
            self._timers.set("forget", waiting.received_at + PATIENCE, self._forget_silent)

    def _forget_silent(self, now: float) -> None:
        """Forget nodes that were silent for long; check again when the next one is due."""
        for address, waiting in tuple(self._waiting.items()):
            if now - waiting.received_at < PATIENCE:
                self._timers.set("forget", waiting.received_at + PATIENCE, self._forget_silent)
                break
            del self._waiting[address]
        self._notify(now)

    def _add_next(self, now: float) -> None:
        """Admit one node at a time: each makes a device, and a failure must not affect others."""
        on_admitted = self._admitted.popleft()
        if self._admitted:
            self._timers.set("add", now, self._add_next)
        on_admitted(now)

    def _notify_soon(self, now: float) -> None:
        if "notify" not in self._timers:
            self._timers.set("notify", now + _COUNTING_TIME, self._notify)

    def _notify(self, _: float) -> None:
        if not self._waiting:
            self._hub.withdraw(_KEY)
            return
        count = len(self._waiting)
        more = "+" if count >= WAITING_MAX else ""
        examples = [each.partition(":")[2] for each in islice(self._waiting, _EXAMPLES)]
        self._hub.warn(NewNodesWait(_KEY, f"{count}{more}", ", ".join(examples)))
