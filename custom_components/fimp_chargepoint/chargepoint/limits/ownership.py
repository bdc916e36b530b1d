"""Limits that were set from here, and shall hold again after the charge point was away.

What it says some seconds after it has come back counts, because first reports may be stale;
where they are not, it is looked at as soon as it is known. A limit is set again once. Who
changes it while the charge point is there is respected: then it is not ours any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
import logging
from typing import Any

from ..commands.command import ExpectedState
from ..errors import ChargepointError, CommandSupersededError
from ..features import Feature
from ..model import PHASES, ChargepointSnapshot
from ..scheduler import Timers
from ..stored import Fields, Readers, fields, number, one_of

_LOGGER = logging.getLogger(__name__)

#: What is kept, and how it is read again.
_LIMITS: Readers = {
    Feature.MAX_CURRENT.value: number,
    Feature.PHASES.value: one_of(*PHASES.values()),
    Feature.PHASE_MODE.value: one_of(*PHASES),
}
#: Seconds until the word of a charge point that came back counts, and how often it is looked
#: whether it has said it.
_SETTLING_TIME = 10.0
_LOOKS = 6
#: Seconds that another limit lasts before it counts as somebody's wish: that the charge point
#: was started anew may show later than what follows from it.
_RESPECT_AFTER = 60.0
#: Seconds after a start until a report shows what was sent at once.
_TAKING_TIME = 2.5


def stored_limits(data: Any) -> Fields:
    """Return the limits in what was stored of `kept`, and what nobody here knows.

    Raises:
        DamagedError: it is not an object.

    """
    return fields(data, _LIMITS)


class LimitOwnership:
    """The limits of one charge point that were set from here: the snapshot's `kept`."""

    def __init__(
        self,
        timers: Timers,
        *,
        look: Callable[[], ChargepointSnapshot],
        show: Callable[[Mapping[str, Any]], None],
        effect: Callable[[Feature, Any], ExpectedState],
        is_own: Callable[[Feature, Any], bool],
        set_again: Callable[[Feature, Any], Awaitable[None]] | None,
        say_again: Callable[[], None] | None = None,
    ) -> None:
        """Keep nothing yet.

        `look` tells what is known of the charge point, `show` publishes what is kept,
        `effect` is what a limit brings about, `is_own` whether one that shows is the charge
        point's own setting, and not somebody else's. `set_again` sets a limit, None where
        nothing shall be set again. `say_again` sends all that are kept, unconfirmed, None
        where limits survive a start of the charge point and first reports may be stale.
        """
        self._timers = timers
        self._look = look
        self._show = show
        self._effect = effect
        self._is_own = is_own
        self._set_again = set_again
        self._say_again = say_again
        self._due: set[str] = set()
        #: What is being set again.
        self._renewed: dict[str, Any] = {}
        #: From when on a report shows whether a limit that is due holds.
        self._counts_from = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, feature: Feature, value: Any) -> None:
        """A limit was set from here."""
        if feature not in _LIMITS:
            return
        fact = self._effect(feature, value).fact
        others = {
            key: each
            for key, each in self._look().kept.items()
            if self._effect(Feature(key), each).fact != fact
        }
        self._timers.cancel(f"yield {feature}")
        self._due.discard(feature)
        self._show(others | {str(feature): value})

    def replace(self, feature: Feature, value: Any, former: Any) -> None:
        """The time of a limit is over: where it is kept, keep the one before it instead.

        It is set again where it is due, as the other one would have been.
        """
        kept = self._look().kept
        if kept.get(feature) == value:
            self._show(dict(kept) | {str(feature): former})
            if self._renewed.get(feature) == value:
                # What is on its way is not wanted any more.
                self._renew(feature, former)

    def restore(self, limits: Mapping[str, Any], now: float) -> None:
        """Take over the limits of an earlier run, if none was set in this one.

        They are read by `stored_limits`; what the charge point cannot have, it refuses.
        """
        snapshot = self._look()
        if not snapshot.kept:
            self._show(dict(limits))
            if snapshot.available:
                self.reconnected(now)

    def reconnected(self, now: float, *, lost: bool = False) -> None:
        """The charge point was away, or has started anew: look whether the limits hold.

        `lost` is whether they do not for certain.
        """
        kept = self._look().kept
        for key in kept:
            self._timers.cancel(f"yield {key}")
        if kept and self._set_again is not None:
            self._due = set(kept)
            self._counts_from = now
            if lost and self._say_again is not None:
                self._say_again()
                self._counts_from += _TAKING_TIME
            self._timers.set("keep", now + _SETTLING_TIME, partial(self._check, _LOOKS))
        elif lost:
            self._show({})

    def changed(self, before: ChargepointSnapshot, now: float) -> None:
        """Look who else sets a limit, now that the snapshot is not the one before any more."""
        snapshot = self._look()
        for key, value in snapshot.kept.items():
            effect = self._effect(Feature(key), value)
            name = f"yield {key}"
            if effect.matches(snapshot) or not snapshot.available:
                self._timers.cancel(name)
            elif self._is_wanted(effect, snapshot):
                continue
            elif effect.matches(before) or self._is_forgotten(key, snapshot):
                self._timers.set(name, now + _RESPECT_AFTER, partial(self._give_way, key))
        if self._due and self._say_again is not None and now >= self._counts_from:
            self._look_after()

    def _is_forgotten(self, key: str, snapshot: ChargepointSnapshot) -> bool:
        """Whether a limit was lost while nobody looked, and will not be set again."""
        known = getattr(snapshot, key) is not None
        return known and self._set_again is None and f"yield {key}" not in self._timers

    def _give_way(self, key: str, _: float) -> None:
        kept = {name: value for name, value in self._look().kept.items() if name != key}
        _LOGGER.debug("Somebody else has set %s", key)
        self._show(kept)

    def _check(self, looks: int, now: float) -> None:
        """Look again and again, and at last do not wait for what is never said."""
        self._look_after(at_last=looks == 1)
        if self._due and looks > 1:
            self._timers.set("keep", now + _SETTLING_TIME, partial(self._check, looks - 1))

    def _look_after(self, *, at_last: bool = False) -> None:
        """Set again what is lost, once that is known."""
        snapshot = self._look()
        if not snapshot.available or self._set_again is None:
            return
        for key, value in snapshot.kept.items():
            feature = Feature(key)
            if key not in self._due or feature not in snapshot.capabilities.controls:
                continue
            if getattr(snapshot, key) is None and not at_last:
                continue
            self._due.discard(key)
            effect = self._effect(feature, value)
            # Who says nothing of a limit for that long has none. Where somebody else limits to
            # as much or less, nobody can tell.
            holds = effect.matches(snapshot) and self._is_own(feature, value)
            if not holds and not self._is_wanted(effect, snapshot):
                self._renew(feature, value)

    def _is_wanted(self, effect: ExpectedState, snapshot: ChargepointSnapshot) -> bool:
        """Whether another value of the same is on its way from here."""
        return any(
            self._effect(Feature(kind), value).fact == effect.fact
            for kind, value in snapshot.pending.items()
            if kind in _LIMITS
        )

    def _renew(self, feature: Feature, value: Any) -> None:
        name = self._look().identity.name
        _LOGGER.info("%s has lost its limit (%s %s): it is set again", name, feature, value)
        self._renewed[feature] = value
        task = asyncio.get_running_loop().create_task(self._set(feature, value))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _set(self, feature: Feature, value: Any) -> None:
        assert self._set_again is not None  # noqa: S101
        name = self._look().identity.name
        try:
            await self._set_again(feature, value)
        except CommandSupersededError:
            _LOGGER.debug("%s is to have another %s by now", name, feature)
        except ChargepointError as error:
            _LOGGER.warning(
                "%s has not taken its limit back (%s %s): %s", name, feature, value, error
            )
        finally:
            if self._renewed.get(feature) == value:
                del self._renewed[feature]
