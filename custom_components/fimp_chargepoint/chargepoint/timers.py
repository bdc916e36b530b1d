"""Named deadlines of one owner; the hub's only timer serves them all."""

from collections.abc import Callable

type Action = Callable[[float], None]


class Timers:
    """Actions to run at a time, by name: setting a name again moves its deadline."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """Remember `wake`, called when the next deadline came nearer."""
        self._wake = wake
        self._due: dict[str, tuple[float, Action]] = {}

    @property
    def next_deadline(self) -> float | None:
        """The nearest deadline in POSIX seconds, None where there is none."""
        return min((when for when, _ in self._due.values()), default=None)

    def __contains__(self, name: str) -> bool:
        """Whether `name` has a deadline."""
        return name in self._due

    def set(self, name: str, when: float, action: Action) -> None:
        """Run `action(now)` at `when`, in place of what `name` stood for before."""
        nearest = self.next_deadline
        self._due[name] = (when, action)
        if nearest is None or when < nearest:
            self._wake()

    def cancel(self, name: str) -> None:
        """Forget `name`; it need not exist."""
        self._due.pop(name, None)

    def clear(self) -> None:
        """Forget everything."""
        self._due.clear()

    def tick(self, now: float) -> None:
        """Run what is due, in the order of the deadlines."""
        due = sorted((when, name) for name, (when, _) in self._due.items() if when <= now)
        for when, name in due:
            # An action may have moved or cancelled one that was due after it.
            entry = self._due.get(name)
            if entry is not None and entry[0] == when:
                del self._due[name]
                entry[1](now)
