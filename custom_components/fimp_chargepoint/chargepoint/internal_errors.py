"""Errors of our own: each costs only what raised it, and is logged once with its traceback.

One owner for a whole hub, its listeners included: whoever calls somebody else's code calls
it through here.
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
#: Errors that are told apart; a flood of others must cost no memory, and no disk.
_DISTINCT_MAX: Final = 100
_MORE: Final = "more"
#: Characters of what one is said to be.
_NAME_MAX: Final = 100


class InternalErrors:
    """Calls others so that what they raise ends there.

    `counts` tells how often each error came, by type and place.
    """

    def __init__(self, total: Counter[str] | None = None) -> None:
        """Know of none yet; all of them are also counted as `internal` in `total`."""
        self.counts: Counter[str] = Counter()
        self._total = Counter[str]() if total is None else total

    def call[**P](self, action: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `action`, whose result does not matter."""
        try:
            action(*args, **kwargs)
        except Exception as error:  # noqa: BLE001
            self.report(error, action)

    def tell[*Ts](self, listeners: Iterable[Callable[[*Ts], object]], *what: *Ts) -> None:
        """Tell every one of `listeners`, who may leave, or bring others, meanwhile."""
        for listener in tuple(listeners):
            try:
                listener(*what)
            except Exception as error:  # noqa: BLE001
                self.report(error, listener)

    def each[T](self, subjects: Iterable[T], action: Callable[[T], object]) -> None:
        """Do something to every one of `subjects`, which may change meanwhile."""
        for subject in tuple(subjects):
            try:
                action(subject)
            except Exception as error:  # noqa: BLE001
                self.report(error, subject)

    def ask[T, **P](
        self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """Return the answer to `question`, None where that fails.

        It may be about a message that makes no sense, which is no error of ours.
        """
        try:
            return question(*args, **kwargs)
        except ProtocolError:
            return None
        except Exception as error:  # noqa: BLE001
            self.report(error, question)
            return None

    def report(self, error: Exception, subject: object) -> None:
        """Take an error that was caught at `subject`."""
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
    """Return file and line of the innermost frame that is ours, else of the innermost."""
    places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    others = [each for each in places if each[0] != __file__] or places
    ours = [each for each in others if each[0].startswith(_OURS)]
    file, line = (ours or others or [("nowhere", 0)])[-1]
    return f"{file.removeprefix(_OURS)}:{line}"


def _name(subject: object) -> str:
    """Return what a maintainer knows something by, in a line."""
    if isinstance(subject, partial):
        # Its arguments may be anything.
        return _name(subject.func)
    return f"{getattr(subject, '__qualname__', None) or subject!s:.{_NAME_MAX}}"
