"""Files that are damaged, of another version, or not ours: only what is damaged is lost."""

import asyncio
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import cycle
import json
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components import fimp_chargepoint
from custom_components.fimp_chargepoint import storage
from custom_components.fimp_chargepoint.const import DOMAIN
from custom_components.fimp_chargepoint.devices import async_find_device, node_identifier
from custom_components.fimp_chargepoint.repair_issues import readded
from custom_components.fimp_chargepoint.storage import Records
from simulators.fimp import ChargepointSetup
from tests.broker import BrokerProcess
from tests.helpers.damage import places, put
from tests.helpers.disk import full_disk, real_files

from .conftest import Chargepoint, load, other_broker, simulator, until

ADDRESS = "fimp:easee/1/1"
ANOTHER = "fimp:easee/1/2"
THIRD = "fimp:easee/1/3"
#: What can happen to a field; `...` stands for one that is missing.
DAMAGE = (..., None, "nonsense", "x" * 100_000, -7, 1e300, True, [1, "2", None], {"x": {}})
NEWER = {"of_a_newer_version": {"with": ["anything", 1]}}


def stores() -> dict[str, Any]:
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
        "ended_by": "ev_disconnected",
    }
    session = {
        "id": "7",
        "started": began,
        "start_guessed": True,
        "offset": None,
        "end_reason": "ev_disconnected",
    }
    active = {
        "session": session,
        "energy": 5.0,
        "summed": 5.0,
        "charging_seen": True,
        "who": "my car",
        "recorded": True,
        "since": began,
        "ended": now.isoformat(),
        "offset": None,
        "session_cost": {"cost": 1.5, "currency": "NOK", "priced": 5.0, "partial": False},
    }
    seen = (now - timedelta(hours=3)).replace(minute=0, second=0, microsecond=0).isoformat()
    limit = {
        "current": 10.0,
        "former": 16.0,
        "until": later,
        "session": began,
        "mode": None,
    }
    return {
        "state": {
            "charge_points": {
                ADDRESS: {
                    "charging_mode": "slow",
                    "limits": {"max_current": 20.0, "phases": "1"},
                    "withdraw": False,
                    "temporary_limits": {
                        "max_current": limit,
                        "session_current": limit | {"mode": "slow", "former": None},
                    },
                },
                ANOTHER: {"limits": {"max_current": 6.0}, "withdraw": True},
            },
            "readded": {ANOTHER: {}, THIRD: {}},
        },
        "history": {
            "sessions": {
                ADDRESS: {
                    "records": [record, dict(record)],
                    "active": None,
                    "past": active,
                    "energy": 12.0,
                    "totals": {"NOK": 7.0, "EUR": 1.0},
                    "watched": [began, 5.0],
                }
            },
            "last_seen": {each: {"at": seen} for each in (ADDRESS, ANOTHER, THIRD)},
        },
    }


def key_of(entry: MockConfigEntry, name: str) -> str:
    """Return the name of a file."""
    return f"{DOMAIN}.{entry.entry_id}.{name}"


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
    hass: HomeAssistant,
    broker: BrokerProcess,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """A charge point that Home Assistant knows; its entry is not loaded."""
    monkeypatch.setattr(readded, "_SETTLING_TIME", 0.0)
    async with simulator(broker, ChargepointSetup(profile="full")) as point:
        entry = await load(hass, other_broker(broker, options={"fixed_price": 2.0}))
        found = Chargepoint(hass, point, entry)
        await found.wait_for_state("number", "max_current", "32")
        await hass.async_block_till_done()
        await hass.config_entries.async_unload(entry.entry_id)
        for address in (ANOTHER, THIRD):
            dr.async_get(hass).async_get_or_create(
                config_entry_id=entry.entry_id,
                identifiers={(DOMAIN, node_identifier(entry, address))},
            )
        for name in ("state", "history"):
            hass_storage.pop(key_of(entry, name), None)
        yield found


@pytest.fixture(name="folder")
def folder_fixture(hass: HomeAssistant, tmp_path: Path) -> Iterator[Path]:
    """The folder of Home Assistant's files, which are real ones."""
    with real_files(hass, tmp_path) as folder:
        yield folder


async def begin(found: Chargepoint) -> None:
    """Restart Home Assistant, with the contents of the files."""
    assert await found.hass.config_entries.async_setup(found.entry.entry_id)
    assert found.entry.state is ConfigEntryState.LOADED
    await found.wait_for_state("sensor", "status", "disconnected")
    await found.hass.async_block_till_done()


async def end(found: Chargepoint) -> None:
    assert await found.hass.config_entries.async_unload(found.entry.entry_id)
    await found.hass.async_block_till_done()


def lasting(history: dict[str, Any]) -> dict[str, Any]:
    """Return what no report of the charge point changes at once."""
    (point,) = history["sessions"].values()
    return {each: point[each] for each in ("records", "past", "energy", "totals")}


def known(found: Chargepoint) -> dict[str, Any]:
    """Return what of the files is in use."""
    storage = found.entry.runtime_data.storage
    return {"state": storage.state._content(), "history": lasting(storage.history._content())}


async def test_a_record_without_a_device_is_kept(
    hass: HomeAssistant, found: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    """After a crash soon after the first discovery, it is there, and the device is not."""
    stored = {"charge_points": {"fimp:easee/1/9": {"limits": {"max_current": 8.0}}}}
    key = key_of(found.entry, "state")
    hass_storage[key] = file(key, stored)
    await begin(found)
    assert known(found)["state"]["charge_points"].keys() == {"fimp:easee/1/9", ADDRESS}
    await end(found)


def test_a_forgotten_record_does_not_return() -> None:
    """A charge point may be watched until its removal has ended."""
    records = Records("charge_points")
    records.load({ADDRESS: {"limits": {"max_current": 8.0}}})
    records.watch(ADDRESS, lambda: {"limits": {}})
    records.forget(ADDRESS)
    records.leave(ADDRESS)
    assert records.content() == {}


@pytest.mark.parametrize("entry", ["loaded", "starting", "not loaded"])
async def test_nothing_is_stored_of_a_deleted_device(
    hass: HomeAssistant,
    found: Chargepoint,
    hass_storage: dict[str, Any],
    hass_ws_client: WebSocketGenerator,
    monkeypatch: pytest.MonkeyPatch,
    entry: str,
) -> None:
    good = stores()
    good["history"]["sessions"][ANOTHER] = deepcopy(good["history"]["sessions"][ADDRESS])
    for name, data in good.items():
        hass_storage[key_of(found.entry, name)] = file(key_of(found.entry, name), data)
    if entry == "loaded":
        await begin(found)
    assert await async_setup_component(hass, "config", {})
    device = async_find_device(hass, found.entry.entry_id, node_identifier(found.entry, ANOTHER))
    client = await hass_ws_client(hass)
    if entry == "starting":
        reached, goes_on = asyncio.Event(), asyncio.Event()

        async def hold(*_: object) -> None:
            reached.set()
            await goes_on.wait()

        monkeypatch.setattr(fimp_chargepoint, "async_until_found", hold)
        starting = asyncio.create_task(begin(found))
        await reached.wait()
        asyncio.get_running_loop().call_later(0.5, goes_on.set)
    assert (await client.remove_device(device.id))["success"]
    if entry == "starting":
        goes_on.set()
        await starting

    def kept() -> list[set[str]]:
        files = (hass_storage[key_of(found.entry, name)]["data"] for name in good)
        return [set(records) for each in files for records in each.values()]

    if entry != "not loaded":
        await until(lambda: ANOTHER not in kept()[0], "the file to be written")
        await end(found)
    assert kept() == [{ADDRESS}, {THIRD}, {ADDRESS}, {ADDRESS, THIRD}]


@pytest.mark.parametrize("name", ["state", "history"])
async def test_every_field_can_be_damaged(
    hass: HomeAssistant, found: Chargepoint, hass_storage: dict[str, Any], name: str
) -> None:
    """However a file is damaged: everything is set up, and the other file counts."""
    good = stores()
    damage = cycle(DAMAGE)
    for place in ((), *places(good[name])):
        for each, data in good.items():
            damaged = each == name and place
            value = put(data, place, next(damage)) if damaged else deepcopy(data)
            hass_storage[key_of(found.entry, each)] = file(key_of(found.entry, each), value)
        await begin(found)
        for each, data in known(found).items():
            if each != name or not place:
                intact = lasting(good[each]) if each == "history" else good[each]
                assert data == intact, (place, each)
        await end(found)


async def test_what_is_beside_it_stays(
    found: Chargepoint, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """One field of each is damaged; everything else continues normally."""
    good = stores()
    requests = ("charge_points", ADDRESS)
    record = ("sessions", ADDRESS, "records", 0, "energy")
    state = put(good["state"], (*requests, "limits", "phases"), "two")
    state = put(state, (*requests, "temporary_limits", "max_current", "until"), "soon")
    state = put(state, (*requests, "charging_mode"), 7)
    state = put(state, ("readded", ANOTHER), 7)
    for each, data in {"state": state, "history": put(good["history"], record, "much")}.items():
        hass_storage[key_of(found.entry, each)] = file(key_of(found.entry, each), data)
    await begin(found)
    assert found.state("sensor", "last_session_energy") == "5.0"
    assert found.state("sensor", "total_cost") == "1.0"
    assert known(found)["history"] == lasting(put(good["history"], record, None))
    now = known(found)["state"]
    left = now["charge_points"][ADDRESS]
    assert left["limits"] == {"max_current": 20.0}
    assert [*left["temporary_limits"]] == ["session_current"]
    assert "charging_mode" not in left
    assert now["charge_points"][ANOTHER] == good["state"]["charge_points"][ANOTHER]
    assert now["readded"] == {THIRD: {}}
    assert found.node.snapshot.requested.limits == {"max_current": 20.0}
    for what in (
        f"the sessions of {ADDRESS} cannot be read and is lost: records.0\n",
        f"the requests of {ADDRESS} cannot be read and is lost: charging_mode, limits.phases, t",
        f"readded cannot be read and is lost: {ANOTHER}\n",
    ):
        assert f"A part of {what}" in caplog.text
    await end(found)


@pytest.mark.parametrize("minor_version", [1, 7])
async def test_what_a_newer_version_has_stored_comes_through_a_save(
    found: Chargepoint, hass_storage: dict[str, Any], minor_version: int
) -> None:
    """A temporary return to this version loses nothing of a newer minor one."""
    good = stores()
    for name, data in good.items():
        for each in tuple(objects(data)):
            # Only what holds fields, and not what is kept by name.
            if (
                each
                and not {"NOK", ADDRESS, ANOTHER, "session_current", "end_reason"} & each.keys()
            ):
                each.update(NEWER)
        key = key_of(found.entry, name)
        hass_storage[key] = file(key, deepcopy(data)) | {"minor_version": minor_version}
    await begin(found)
    # Both files are written.
    await found.call("number", "set_value", "max_current", value=12)
    good["state"]["charge_points"][ADDRESS]["limits"]["max_current"] = 12.0
    # The user has ended it.
    del good["state"]["charge_points"][ADDRESS]["temporary_limits"]["max_current"]
    found.entry.runtime_data.storage.sessions.save(10)
    await end(found)
    for name, data in good.items():
        written = hass_storage[key_of(found.entry, name)]
        assert written["minor_version"] == minor_version
        if name == "history":
            # The session as the charge point reports it by now, and when it does.
            for each in (written["data"], data):
                del each["sessions"][ADDRESS]["watched"]
                del each["last_seen"][ADDRESS]["at"]
        assert written["data"] == data, name


async def test_a_limit_that_changes_often_does_not_rewrite_the_history(
    found: Chargepoint, hass_storage: dict[str, Any]
) -> None:
    """As one that follows the sun; and it is on disk soon."""
    await begin(found)
    found.entry.runtime_data.storage.sessions.save(300)
    state, history = (key_of(found.entry, name) for name in ("state", "history"))

    def stored() -> Any:
        records = hass_storage.get(state, {"data": {}})["data"].get("charge_points", {})
        return records.get(ADDRESS, {}).get("limits")

    for current in range(6, 12):
        await found.call("number", "set_value", "max_current", value=current)
    begun = found.hass.loop.time()
    await until(lambda: stored() == {"max_current": 11.0})
    assert found.hass.loop.time() - begun < 10
    await found.hass.services.async_call(
        DOMAIN,
        "set_current_limit",
        {"current": 8, "duration": {"minutes": 10}},
        blocking=True,
        target={"device_id": found.registered("switch", "charging").device_id},
    )
    assert history not in hass_storage
    await end(found)
    assert history in hass_storage


def set_aside(folder: Path) -> list[Path]:
    """Return the files that are no longer in use."""
    return [each for each in folder.iterdir() if "T" in "".join(each.suffixes[-2:])]


#: The contents of a file, and whether Home Assistant itself sets it aside.
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


def issues(found: Chargepoint) -> dict[str | None, ir.IssueEntry]:
    """Return the issues that the user sees, by their translation key."""
    return {each.translation_key: each for each in ir.async_get(found.hass).issues.values()}


async def test_the_issue_of_a_file_of_a_newer_version(
    found: Chargepoint, folder: Path, hass_client: ClientSessionGenerator
) -> None:
    """It names the file, and is gone when it is submitted."""
    assert await async_setup_component(found.hass, "repairs", {})
    (folder / key_of(found.entry, "history")).write_bytes(UNREADABLE["of another version"][0])
    await begin(found)
    issue = await until(lambda: issues(found).get("stored_data_unreadable"), "the issue")
    (aside,) = set_aside(folder)
    assert issue.translation_placeholders["plain_paths"] == str(aside)
    client = await hass_client()
    flow = {"handler": DOMAIN, "issue_id": issue.issue_id}
    step = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    url = f"/api/repairs/issues/fix/{step['flow_id']}"
    assert (await (await client.post(url, json={})).json())["type"] == "create_entry"
    await found.hass.async_block_till_done()
    assert "stored_data_unreadable" not in issues(found)
    await end(found)


@pytest.mark.parametrize("what", UNREADABLE)
async def test_a_file_that_cannot_be_read_is_set_aside(
    found: Chargepoint,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    what: str,
) -> None:
    content, by_home_assistant = UNREADABLE[what]
    names = [key_of(found.entry, name) for name in stores()]
    for name in names:
        (folder / name).write_bytes(content)
    await begin(found)
    for name in names:
        (aside,) = (each for each in set_aside(folder) if each.name.startswith(f"{name}."))
        assert aside.read_bytes() == content
        assert aside.name.startswith(f"{name}.corrupt.") is by_home_assistant
        assert name in caplog.text
    # Home Assistant itself reports what is not JSON.
    expected = "storage_corruption" if by_home_assistant else "stored_data_unreadable"
    await until(lambda: expected in issues(found), "the issue")
    assert len(issues(found).keys() & {"storage_corruption", "stored_data_unreadable"}) == 1
    # There are new ones from now on.
    await found.call("number", "set_value", "max_current", value=12)
    await end(found)
    kept = json.loads((folder / names[0]).read_text())["data"]["charge_points"]
    assert kept[ADDRESS]["limits"] == {"max_current": 12.0}


@pytest.mark.parametrize("reloaded", [True, False])
async def test_disk_that_is_full_while_the_entry_is_unloaded(
    found: Chargepoint,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    reloaded: bool,  # noqa: FBT001
) -> None:
    """It is written later, and counts in the meantime."""
    await begin(found)
    await found.call("number", "set_value", "max_current", value=12)
    monkeypatch.setattr(storage, "_RETRY_AFTER", 0.3)
    written = folder / key_of(found.entry, "state")
    written.unlink(missing_ok=True)
    found.entry.runtime_data.storage.requests.save(10)
    with full_disk() as failed:
        await end(found)
        assert failed
        if reloaded:
            await begin(found)
            assert found.node.snapshot.requested.limits == {"max_current": 12.0}
            await found.call("number", "set_value", "max_current", value=10)
            await end(found)
        count = len(failed)
        await until(lambda: len(failed) > count, "another attempt")
        assert not written.exists()
    await until(lambda: not found.hass.data[storage._UNWRITTEN], "the files to be written")
    kept = json.loads(written.read_text())["data"]["charge_points"]
    assert kept[ADDRESS]["limits"] == {"max_current": 10.0 if reloaded else 12.0}


async def test_a_file_that_cannot_even_be_set_aside(
    found: Chargepoint, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """For example, a folder is in its place, and the folder around it is read-only."""
    (folder / key_of(found.entry, "state")).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.rename", _refuse)
        await begin(found)
    assert "Cannot set it aside: [Errno 13] no" in caplog.text
    await end(found)


def _refuse(*_: Any) -> None:
    raise PermissionError(13, "no")
