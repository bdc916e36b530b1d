"""Internal errors: each affects only its source, and is logged once with its traceback.

Each hub has one `InternalErrors`. All calls of listeners, and of all charge points, nodes or
protocols in a list, go through it, also on Home Assistant's side.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
import logging
from pathlib import Path
from traceback import walk_tb
from typing import Final

from .errors import ProtocolError

_LOGGER = logging.getLogger(__name__)

#: The library and what uses it are below this folder.
_OURS: Final = f"{Path(__file__).parents[1]}/"
#: Maximum number of distinct errors: a flood must fill neither the memory nor the disk.
_DISTINCT_MAX: Final = 100
_MORE: Final = "more"
#: Characters of a name in the log.
_NAME_MAX: Final = 100


class InternalErrors:
    """Calls others and handles what they raise.

    `counts` is how often each error occurred, by type and place.
    """

    def __init__(self, total: Counter[str] | None = None) -> None:
        """Start without errors; all of them are also counted as `internal` in `total`."""
        self.counts: Counter[str] = Counter()
        self._total = Counter[str]() if total is None else total

    def call[**P](self, action: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `action` and ignore its result."""
        self.call_for(action, partial(action, *args, **kwargs))

    def call_for[*Ts](self, subject: object, action: Callable[[*Ts], object], *args: *Ts) -> None:
        """Call `action`; an error is attributed to `subject`."""
        try:
            action(*args)
        except Exception as error:  # noqa: BLE001
            self.report(error, subject)

    def notify[*Ts](self, listeners: Iterable[Callable[[*Ts], object]], *what: *Ts) -> None:
        """Call each of `listeners` with `what`; they may add or remove listeners."""
        for listener in tuple(listeners):
            try:
                listener(*what)
            except Exception as error:  # noqa: BLE001
                self.report(error, listener)

    def each[T](self, subjects: Iterable[T], action: Callable[[T], object]) -> None:
        """Call `action` with each of `subjects`, whose collection may change meanwhile."""
        for subject in tuple(subjects):
            self.call_for(subject, action, subject)

    def ask[T, **P](self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Return the answer to `question`, None if it fails.

        A ProtocolError is not reported: the message is invalid, not the code.
        """
        try:
            return question(*args, **kwargs)
        except ProtocolError:
            return None
        except Exception as error:  # noqa: BLE001
            self.report(error, question)
            return None

    def report(self, error: Exception, subject: object) -> None:
        """Count an error that `subject` raised, and log it if it is new."""
        self._total["internal"] += 1
        key = f"{type(error).__qualname__} at {_place(error)}"
        if key not in self.counts and len(self.counts) >= _DISTINCT_MAX:
            key = _MORE
        self.counts[key] += 1
        if self.counts[key] > 1:
            return
        if key == _MORE:
            _LOGGER.error("More internal errors; from now on they are only counted")
        else:
            _LOGGER.error("Failed at %s; please report this", _name(subject), exc_info=error)


def _place(error: Exception) -> str:
    """Return file and line of the innermost frame in our code, else of the innermost frame."""
    places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    others = [each for each in places if each[0] != __file__] or places
    ours = [each for each in others if each[0].startswith(_OURS)]
    file, line = (ours or others or [("nowhere", 0)])[-1]
    return f"{file.removeprefix(_OURS)}:{line}"


def _name(subject: object) -> str:
    """Return a short name for the log."""
    if isinstance(subject, partial):
        # Its arguments may be long, and personal.
        return _name(subject.func)
    return f"{getattr(subject, '__qualname__', None) or subject!s:.{_NAME_MAX}}"
