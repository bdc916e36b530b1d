"""Faults of the host that Home Assistant runs on: its clock, its time zone and its disk."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import override

from homeassistant.util import dt as dt_util

from custom_components.fimp_chargepoint.chargepoint import scheduler
from tests.helpers.disk import full_disk
from tests.helpers.waiting import until
from tests.integration.limiting import limit

from .scene import Scene


async def clock_set(by: float, scene: Scene) -> None:
    """Set the system clock by so many seconds."""
    real = scheduler.system_time
    scene.patch.setattr(scheduler, "system_time", lambda: real() + by)
    await until(lambda: scene.tracker.active and scene.tracker.active.offset, "the new time")


class _Zone(tzinfo):
    """A time zone whose clocks change at a moment, from so many hours ahead of UTC to others."""

    def __init__(self, moment: datetime, before: int, after: int) -> None:
        self._moment = moment
        self._offsets = timedelta(hours=before), timedelta(hours=after)

    @override
    def fromutc(self, moment: datetime) -> datetime:
        changed = moment.replace(tzinfo=UTC) >= self._moment
        before, after = self._offsets
        local = moment + self._offsets[changed]
        ambiguous = changed and local - before < self._moment.replace(tzinfo=self)
        return local.replace(fold=int(ambiguous and after < before))

    @override
    def utcoffset(self, local: datetime | None) -> timedelta:
        assert local is not None
        at = self._moment.replace(tzinfo=None)
        before, after = self._offsets
        naive = local.replace(tzinfo=None)
        if (naive < at + before) is (naive < at + after):
            return self._offsets[naive >= at + before]
        return self._offsets[local.fold]

    @override
    def dst(self, local: datetime | None) -> timedelta:
        return self.utcoffset(local) - min(self._offsets)

    @override
    def tzname(self, local: datetime | None) -> str:
        return str(self.utcoffset(local))


async def daylight_saving(before: int, after: int, scene: Scene) -> None:
    """Change the clocks in a session, in which a limit of a few seconds begins and ends."""
    limits = scene.found.node.limits.temporary
    await until(lambda: limits.former(limits.feature), "the current limit")
    now = dt_util.utcnow()
    zone = dt_util.get_default_time_zone()
    scene.patch.setattr(dt_util, "DEFAULT_TIME_ZONE", zone)
    dt_util.set_default_time_zone(_Zone(now + timedelta(seconds=1), before, after))
    began = scene.hass.loop.time()
    reply = await limit(scene.found, 10, seconds=2)
    ends = datetime.fromisoformat(reply["until"])
    assert abs(ends - now) < timedelta(minutes=1)
    await scene.found.wait_for_state("number", "session_current", "10")
    await scene.found.wait_for_state("number", "session_current", "32")
    assert scene.hass.loop.time() - began >= 2
    assert dt_util.now().utcoffset() == timedelta(hours=after)


async def disk_full(scene: Scene) -> None:
    """Let every write fail; what could not be stored is stored when there is space again."""
    with full_disk() as failed:
        await scene.found.call("number", "set_value", "max_current", value=12)
        await until(lambda: failed, "a write to fail")
        assert not scene.file("state").exists()
    await until(lambda: scene.file("state").exists(), "the limit to be stored")
    assert '"max_current":12.0' in scene.file("state").read_text().replace(" ", "")


async def stored_data_damaged(scene: Scene) -> None:
    """Cut off half of both files, as a power failure may; what is left is kept."""
    await scene.found.call("number", "set_value", "max_current", value=12)
    entry_id = scene.found.entry.entry_id
    assert await scene.hass.config_entries.async_unload(entry_id)
    for name in ("state", "history"):
        path = scene.file(name)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    assert await scene.hass.config_entries.async_setup(entry_id)
    for name in ("state", "history"):
        path = scene.file(name)
        (copy,) = path.parent.glob(f"{path.name}.corrupt.*")
        assert copy.stat().st_size > 0
