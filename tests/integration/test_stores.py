"""Files that are damaged, of another version, or not ours: only what is damaged is lost."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import cycle
import json
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fimp_chargepoint import async_setup
from custom_components.fimp_chargepoint.actions.temporary_limits import DATA_TEMPORARY_LIMITS
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.kept_limits import DATA_KEPT_LIMITS
from custom_components.fimp_chargepoint.repair_issues import readded
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess
from tests.helpers.damage import places, put

from .conftest import Chargepoint, load, other_broker, simulator, until

ADDRESS = "fimp:easee/1/1"
#: What the test harness replaces, so that nothing is written to the disk.
REAL = {name: getattr(Store, name) for name in ("_async_load", "_async_write_data")}
#: What can happen to a field; `...` stands for one that is missing.
DAMAGE = (..., None, "nonsense", "x" * 100_000, -7, 1e300, True, [1, "2", None], {"x": {}})
NEWER = {"of_a_newer_version": {"with": ["anything", 1]}}


def stores(entry: MockConfigEntry, device_id: str) -> dict[str, Any]:
    """Return what can be stored for a charge point, by the name of the file."""
    now = datetime.now(UTC)
    began, later = (
        (now - timedelta(hours=1)).isoformat(),
        (now + timedelta(hours=1)).isoformat(),
    )
    record = {
        "energy": 5.0,
        "cost": 1.5,
        "currency": "NOK",
        "who": "my car",
        "started": began,
        "ended": now.isoformat(),
    }
    active = {
        "id": "7",
        "energy": 5.0,
        "charging_seen": True,
        "who": "my car",
        "recorded": True,
        "since": began,
        "started": began,
        "key": began,
        "ended": now.isoformat(),
        "offset": None,
        "session_cost": {"cost": 1.5, "currency": "NOK", "priced": 5.0, "partial": False},
    }
    limit = {
        "device_id": device_id,
        "feature": "max_current",
        "current": 10.0,
        "former": 16.0,
        "until": later,
        "session": began,
        "mode": None,
    }
    return {
        "sessions": {
            "charge_points": {
                ADDRESS: {
                    "records": [record, dict(record)],
                    "active": None,
                    "past": active,
                    "totals": {"NOK": 7.0, "EUR": 1.0},
                    "watched": [began, 5.0],
                }
            }
        },
        "temporary_limits": [limit, limit | {"device_id": "another"}],
        "kept_limits": {
            entry.entry_id: {
                ADDRESS: {
                    "limits": {"max_current": 20.0, "phases": "1"},
                    "withdraw": False,
                    "pauses": {},
                },
                "another": {"limits": {"max_current": 6.0}, "withdraw": True, "pauses": {}},
            },
            "another": {},
        },
        "moves": ["gone", "another"],
    }


def key_of(entry: MockConfigEntry, name: str) -> str:
    """Return the name of a file."""
    own = name in ("sessions", "moves")
    return f"{DOMAIN}.{entry.entry_id}.{name}" if own else f"{DOMAIN}.{name}"


def file(key: str, data: Any) -> dict[str, Any]:
    return {"version": 1, "minor_version": 1, "key": key, "data": data}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a value."""
    items = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for each in items:
            yield from objects(each)
    if isinstance(value, dict):
        yield value


@pytest.fixture(name="found")
async def found_fixture(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """A charge point that Home Assistant knows; its entry is not loaded."""
    monkeypatch.setattr(readded, "_SETTLING_TIME", 0.0)
    async with simulator(broker, ChargepointSetup(profile="full")) as point:
        entry = await load(hass, other_broker(broker, options={"fixed_price": 2.0}))
        found = Chargepoint(hass, point, entry)
        await found.expects("number", "max_current", "32.0")
        await hass.async_block_till_done()
        await hass.config_entries.async_unload(entry.entry_id)
        yield found


@pytest.fixture(name="folder")
def folder_fixture(hass: HomeAssistant, tmp_path: Path) -> Iterator[Path]:
    """Where Home Assistant's files are, which are real ones."""
    hass.config.config_dir = str(tmp_path)
    folder = tmp_path / ".storage"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, method in REAL.items():
            patch.setattr(Store, name, method)
        yield folder


async def begin(found: Chargepoint) -> None:
    """Let Home Assistant start anew, with what is in the files."""
    assert await async_setup(found.hass, {})
    assert await found.hass.config_entries.async_setup(found.entry.entry_id)
    assert found.entry.state is ConfigEntryState.LOADED
    await found.expects("sensor", "status", "disconnected")
    await found.hass.async_block_till_done()


async def end(found: Chargepoint) -> None:
    assert await found.hass.config_entries.async_unload(found.entry.entry_id)
    await found.hass.async_block_till_done()


def device_id(found: Chargepoint) -> str:
    id_ = found.registered("sensor", "status").device_id
    assert id_ is not None
    return id_


def lasting(sessions: dict[str, Any]) -> dict[str, Any]:
    """Return what no report of the charge point changes at once."""
    (point,) = sessions["charge_points"].values()
    return {each: point[each] for each in ("records", "past", "totals")}


def known(found: Chargepoint) -> dict[str, Any]:
    """Return what of the files is in use."""
    data = found.hass.data
    sessions = found.entry.runtime_data.sessions
    return {
        "sessions": lasting(sessions._data()),
        "temporary_limits": data[DATA_TEMPORARY_LIMITS]._data(),
        "kept_limits": data[DATA_KEPT_LIMITS]._data(),
    }


@pytest.mark.parametrize("name", ["sessions", "temporary_limits", "kept_limits", "moves"])
async def test_every_field_can_be_damaged(
    hass: HomeAssistant, found: Chargepoint, hass_storage: dict[str, Any], name: str
) -> None:
    """Whatever is done to a file: all is set up, and the other files count."""
    good = stores(found.entry, device_id(found))
    damage = cycle(DAMAGE)
    for place in ((), *places(good[name])):
        for each, data in good.items():
            damaged = each == name and place
            value = put(data, place, next(damage)) if damaged else deepcopy(data)
            hass_storage[key_of(found.entry, each)] = file(key_of(found.entry, each), value)
        await begin(found)
        for each, data in known(found).items():
            if each != name or not place:
                wanted = lasting(good[each]) if each == "sessions" else good[each]
                assert data == wanted, (place, each)
        await end(found)


async def test_what_is_beside_it_stays(
    found: Chargepoint, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """One field of each is damaged; the rest goes on as if nothing had happened."""
    good = stores(found.entry, device_id(found))
    point = ("charge_points", ADDRESS)
    damaged = {
        "sessions": put(good["sessions"], (*point, "records", 0, "energy"), "much"),
        "temporary_limits": put(good["temporary_limits"], (1, "until"), "soon"),
        "kept_limits": put(
            good["kept_limits"], (found.entry.entry_id, ADDRESS, "limits", "phases"), "two"
        ),
    }
    for each, data in (good | damaged).items():
        hass_storage[key_of(found.entry, each)] = file(key_of(found.entry, each), data)
    await begin(found)
    assert found.state("sensor", "last_session_energy") == "5.0"
    assert found.state("sensor", "total_cost") == "1.0"
    sessions, temporary, kept = known(found).values()
    wanted = put(good["sessions"], (*point, "records", 0, "energy"), None)
    assert sessions == lasting(wanted)
    assert temporary == good["temporary_limits"][:1]
    assert kept[found.entry.entry_id][ADDRESS]["limits"] == {"max_current": 20.0}
    assert found.node.snapshot.kept == {"max_current": 20.0}
    for what in (
        f"the sessions of {ADDRESS} cannot be read and is lost: records.0\n",
        "the temporary limits cannot be read and is lost: 1\n",
        f"the kept limits cannot be read and is lost: {found.entry.entry_id}.{ADDRESS}.limits",
    ):
        assert f"A part of {what}" in caplog.text
    await end(found)


async def test_a_newer_version_finds_its_fields_again(
    found: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    """Who goes back to this version for a while loses nothing of a newer minor one."""
    good = stores(found.entry, device_id(found))
    for name, data in good.items():
        for each in tuple(objects(data)):
            # Only what holds fields, and not what is kept by name.
            if each and not {"NOK", ADDRESS, "another"} & each.keys():
                each.update(NEWER)
        key = key_of(found.entry, name)
        hass_storage[key] = file(key, deepcopy(data)) | {"minor_version": 7}
    del good["kept_limits"][found.entry.entry_id][ADDRESS]["limits"]["phases"]
    stored = hass_storage[key_of(found.entry, "kept_limits")]["data"]
    del stored[found.entry.entry_id][ADDRESS]["limits"]["phases"]
    await begin(found)
    # Each of the files is written.
    await found.call("number", "set_value", "max_current", value=12)
    good["kept_limits"][found.entry.entry_id][ADDRESS]["limits"]["max_current"] = 12.0
    found.entry.runtime_data.sessions._save(soon=True)
    await found.hass.data[DATA_TEMPORARY_LIMITS]._save()
    await end(found)
    for name, data in good.items():
        written = hass_storage[key_of(found.entry, name)]["data"]
        if name == "sessions":
            # What the charge point says of its session by now.
            for each in (written, data):
                del each["charge_points"][ADDRESS]["watched"]
        assert written == data, name


def set_aside(folder: Path) -> list[Path]:
    """Return the files that are not in use any more."""
    return [each for each in folder.iterdir() if "T" in each.suffixes[-2] + each.suffixes[-1]]


#: What is in a file, and whether Home Assistant sets it aside by itself.
UNREADABLE = {
    "not JSON": (b'{"version": 1, "data": {', True),
    "empty": (b"", True),
    "not text": (b"\xff\xfe\x00", True),
    "a list": (b"[1, 2]", False),
    "a number": (b"7", False),
    "without a version": (b'{"data": {}}', False),
    "without data": (b'{"version": 1, "minor_version": 1}', False),
    "of another version": (b'{"version": 99, "minor_version": 1, "data": {}}', False),
    "other data": (b'{"version": 1, "minor_version": 1, "data": "x"}', False),
}


@pytest.mark.parametrize("what", UNREADABLE)
async def test_a_file_that_cannot_be_read_is_set_aside(
    found: Chargepoint,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    what: str,
) -> None:
    content, by_home_assistant = UNREADABLE[what]
    names = [key_of(found.entry, name) for name in stores(found.entry, "")]
    for name in names:
        (folder / name).write_bytes(content)
    await begin(found)
    await until(lambda: not (folder / names[-1]).exists())
    for name in names:
        (aside,) = (each for each in set_aside(folder) if each.name.startswith(f"{name}."))
        assert aside.read_bytes() == content
        assert aside.name.startswith(f"{name}.corrupt.") is by_home_assistant
        assert name in caplog.text
    # From here on there are new ones.
    await found.call("number", "set_value", "max_current", value=12)
    await end(found)
    kept = json.loads((folder / names[2]).read_text())["data"]
    assert kept[found.entry.entry_id][ADDRESS]["limits"] == {"max_current": 12.0}


async def test_a_file_that_cannot_even_be_set_aside(
    found: Chargepoint, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """There is a folder in its place, say, and nobody may write beside it."""
    (folder / f"{DOMAIN}.kept_limits").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.rename", _refuse)
        await begin(found)
    assert "Cannot set it aside: [Errno 13] no" in caplog.text
    await end(found)


def _refuse(*_: Any) -> None:
    raise PermissionError(13, "no")
