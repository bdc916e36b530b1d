"""A whole house: a hub with its device list, other things, and chargers of every make."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
import json
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.fimp_chargepoint.chargepoint.fimp import adapters
from simulators.fimp import ChargepointSetup, FimpSimulator
from tests.broker import BrokerProcess

from .conftest import QUIET, Chargepoint, find, load, other_broker, running, simulator, until

INCLUSION = "cmd.thing.get_inclusion_report"
#: Of the charge points in these tests, on a hub.
HOME = ChargepointSetup(title="Carport left", room="Garage")


def devices(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str | None, dr.DeviceEntry]:
    """Return the devices of the charge points by name."""
    found = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return {each.name: each for each in found if each.entry_type is None}


async def no_devices(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Wait until no charge point has a device; one may be kept for some time."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=2))
    await until(lambda: not devices(hass, entry), "the devices to go")


def area(hass: HomeAssistant, entry: MockConfigEntry, name: str) -> str | None:
    """Return the name of the area of a device."""
    device = devices(hass, entry).get(name)
    if device is None or device.area_id is None:
        return None
    found = ar.async_get(hass).async_get_area(device.area_id)
    return None if found is None else found.name


def asked(point: FimpSimulator, kind: str) -> list[tuple[str, Any]]:
    """Return which things were asked about, and what."""
    return [
        (topic, message["val"])
        for topic, text in point.received
        if (message := json.loads(text))["type"] == kind
    ]


@contextmanager
def late_hub(point: FimpSimulator) -> Iterator[list[Any]]:
    """Hold back what the hub is asked, so that a test can answer later."""
    held: list[Any] = []
    with patch.object(point._hub, "request", held.append):
        yield held


# A hub -----------------------------------------------------------------------------------


async def test_name_and_room(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The user's name and room; the manufacturer is known from the adapter."""
    async with running(hass, broker, HOME, hub=True, others=300) as chargepoint:
        await until(lambda: chargepoint.sent(INCLUSION))
        await until(lambda: devices(hass, chargepoint.entry)["Carport left"].serial_number)
        ((name, device),) = devices(hass, chargepoint.entry).items()
        assert name == "Carport left"
        await until(lambda: area(hass, chargepoint.entry, "Carport left") == "Garage")
        assert (device.manufacturer, device.model) == ("Acme", "Acme Wallbox")
        assert device.serial_number == "XX12345"
        # The hub has listed 300 lamps: they are not asked about, and do not become devices.
        assert set(asked(chargepoint.point, INCLUSION)) == {
            ("pt:j1/mt:cmd/rt:ad/rn:easee/ad:1", "1")
        }


async def test_nothing_but_the_list(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """An adapter that answers no requests is known from the list anyway."""
    async with simulator(broker, HOME, hub=True, announce=False, timing=QUIET) as point:
        with patch.object(point, "_manage"), patch.object(point, "_discover"):
            entry = await load(hass, other_broker(broker))
            chargepoint = Chargepoint(hass, point, entry)
            await chargepoint.wait_for_state("sensor", "status", "disconnected")
            assert area(hass, entry, "Carport left") == "Garage"
            assert devices(hass, entry)["Carport left"].model == "Acme Wallbox"
            for platform, key in (
                ("lock", "cable"),
                ("number", "max_current"),
                ("select", "phases"),
                ("button", "restart"),
                ("switch", "parameter_child_lock"),
            ):
                await until(lambda p=platform, k=key: find(hass, p, k), key)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_rename(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """The device follows at once; its entities keep their ids, as automations need them."""
    async with running(hass, broker, HOME, hub=True) as chargepoint:
        entity_id = chargepoint.id("switch", "charging")
        await chargepoint.point.rename("Carport right")
        await until(lambda: "Carport right" in devices(hass, chargepoint.entry))
        assert len(devices(hass, chargepoint.entry)) == 1
        assert chargepoint.id("switch", "charging") == entity_id
        await until(
            lambda: hass.states.get(entity_id).attributes["friendly_name"] == "Carport right"
        )
        # The adapter knows no such names, and takes none away.
        await chargepoint.point.relist()
        await chargepoint.point.plug()
        await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
        assert "Carport right" in devices(hass, chargepoint.entry)


async def test_user_has_the_last_word(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A name or an area that was given in Home Assistant stays."""
    async with running(hass, broker, HOME, hub=True) as chargepoint:
        device = devices(hass, chargepoint.entry)["Carport left"]
        attic = ar.async_get(hass).async_get_or_create("Attic")
        dr.async_get(hass).async_update_device(device.id, name_by_user="Wallbox", area_id=attic.id)
        await chargepoint.point.rename("Carport right")
        await chargepoint.point.room("Workshop")
        await until(lambda: "Carport right" in devices(hass, chargepoint.entry))
        await until(lambda: chargepoint.node.snapshot.identity.area == "Workshop")
        device = devices(hass, chargepoint.entry)["Carport right"]
        assert device.name_by_user == "Wallbox"
        assert area(hass, chargepoint.entry, "Carport right") == "Attic"


async def test_move(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A room is a suggestion for a new device: later the areas of Home Assistant count."""
    async with running(hass, broker, HOME, hub=True) as chargepoint:
        await until(lambda: area(hass, chargepoint.entry, "Carport left") == "Garage")
        await chargepoint.point.room("Workshop")
        await chargepoint.point.rename("Carport right")
        await until(lambda: area(hass, chargepoint.entry, "Carport right") == "Garage")
        assert chargepoint.node.snapshot.identity.area == "Workshop"


@pytest.mark.parametrize("late", [False, True], ids=["moved in", "list came late"])
async def test_room_that_is_heard_of_later(
    hass: HomeAssistant,
    broker: BrokerProcess,
    late: bool,  # noqa: FBT001
) -> None:
    """An adapter may answer before the hub's long list, or the user may be slow."""
    setup = HOME if late else ChargepointSetup(title="Carport left")
    async with simulator(broker, setup, hub=True) as point:
        with late_hub(point) as held:
            entry = await load(hass, other_broker(broker))
            chargepoint = Chargepoint(hass, point, entry)
            await chargepoint.wait_for_state("sensor", "status", "disconnected")
            await until(lambda: "Acme Wallbox" in devices(hass, entry))
            await until(lambda: held)
        for each in held:
            point._hub.request(each)
        await until(lambda: "Carport left" in devices(hass, entry))
        if not late:
            assert area(hass, entry, "Carport left") is None
            await point.room("Garage")
        await until(lambda: area(hass, entry, "Carport left") == "Garage")
        await hass.config_entries.async_unload(entry.entry_id)


async def test_exclude_and_include(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """It goes with all it has, and what comes back is a new thing in its old place."""
    async with running(hass, broker, HOME, hub=True, others=10) as chargepoint:
        before = list(chargepoint.entry.runtime_data.coordinators)
        await chargepoint.point.exclude()
        await until(lambda: not chargepoint.entry.runtime_data.coordinators)
        await hass.async_block_till_done()
        assert not hass.states.async_entity_ids(("switch", "sensor", "lock", "number"))
        await no_devices(hass, chargepoint.entry)
        await chargepoint.point.include()
        await chargepoint.wait_for_state("switch", "charging", "off")
        await until(lambda: "Carport left" in devices(hass, chargepoint.entry))
        assert list(chargepoint.entry.runtime_data.coordinators) != before
        await until(lambda: area(hass, chargepoint.entry, "Carport left") == "Garage")


async def test_added_at_run_time(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A hub reports new devices; no reload is needed."""
    setup = ChargepointSetup(title="Guest", room="Yard")
    async with simulator(broker, setup, hub=True, timing=QUIET) as point:
        await point.exclude()
        entry = await load(hass, other_broker(broker))
        assert devices(hass, entry) == {}
        await point.include()
        await until(lambda: "Guest" in devices(hass, entry))
        await until(lambda: area(hass, entry, "Guest") == "Yard")
        await hass.config_entries.async_unload(entry.entry_id)


async def test_two_connectors(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """They are one thing, and two devices, each with a name, a room and a car."""
    setups = (
        ChargepointSetup(name="a", address="3_1", title="Left", room="Yard"),
        ChargepointSetup(name="b", address="3_2", title="Right", room="Garage"),
    )
    async with simulator(broker, *setups, hub=True) as point:
        entry = await load(hass, other_broker(broker))
        await until(lambda: devices(hass, entry).keys() == {"Left", "Right"})
        await until(lambda: area(hass, entry, "Left") == "Yard")
        await until(lambda: area(hass, entry, "Right") == "Garage")
        await hass.async_block_till_done()

        def statuses() -> dict[str, str]:
            return {
                node.snapshot.identity.name: hass.states.get(entity_id).state
                for node in entry.runtime_data.hub.nodes.values()
                for entity_id in [
                    er.async_get(hass).async_get_entity_id(
                        "sensor", "fimp_chargepoint", f"{entry.unique_id}_{node.address}_status"
                    )
                ]
            }

        await until(lambda: set(statuses().values()) == {"disconnected"})
        await point["b"].plug()
        await until(lambda: statuses()["Right"] == "ready_to_charge")
        assert statuses()["Left"] == "disconnected"
        await point["a"].exclude()
        await until(lambda: not entry.runtime_data.coordinators)
        await no_devices(hass, entry)
        await hass.config_entries.async_unload(entry.entry_id)


# Other things ----------------------------------------------------------------------------


async def test_lamps_are_not_asked(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a hub's list there are hundreds of things that might be chargers."""
    monkeypatch.setattr(adapters, "_INCLUSION_PACE", 0.0)
    async with running(hass, broker, others=300, timing=QUIET) as chargepoint:
        point = chargepoint.point
        await until(lambda: len(asked(point, "cmd.network.get_all_nodes")) == 2)
        await until(lambda: asked(point, INCLUSION))
        # Earlier messages of the adapters were received before this one.
        await point.plug()
        await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
        await point.unplug()
        await chargepoint.wait_for_state("sensor", "status", "disconnected")
        assert set(asked(point, INCLUSION)) == {("pt:j1/mt:cmd/rt:ad/rn:easee/ad:1", "1")}
        assert len(devices(hass, chargepoint.entry)) == 1


async def test_pace(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an adapter that may have chargers one thing after the other is asked about."""
    pace = 0.1
    monkeypatch.setattr(adapters, "_INCLUSION_PACE", pace)
    setups = [ChargepointSetup(name=name, title=name) for name in "abcdef"]
    times: list[float] = []
    async with simulator(broker, *setups, announce=False, timing=QUIET) as point:
        tell = point._tell_inclusion

        def noted(each: Any) -> None:
            times.append(hass.loop.time())
            tell(each)

        point._about_things[INCLUSION] = noted
        entry = await load(hass, other_broker(broker))
        await until(lambda: len(entry.runtime_data.coordinators) == len(setups))
        # Each once, and never all of them together.
        assert len(asked(point, INCLUSION)) == len(setups)
        assert times[-1] - times[0] > (len(setups) - 1) * pace * 0.8
        await hass.config_entries.async_unload(entry.entry_id)


async def test_loud_ones_are_asked_first(
    hass: HomeAssistant, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evident charger does not wait for all things that may be one."""
    monkeypatch.setattr(adapters, "_INCLUSION_PACE", 0.2)
    setups = [ChargepointSetup(name=name) for name in "abcdefgh"]
    async with simulator(broker, *setups, announce=False, timing=QUIET) as point:
        entry = await load(hass, other_broker(broker))
        await until(lambda: asked(point, INCLUSION))
        await point["h"].plug()
        await until(lambda: "8" in [thing for _, thing in asked(point, INCLUSION)])
        assert len(asked(point, INCLUSION)) < len(setups)
        await hass.config_entries.async_unload(entry.entry_id)


# Chargers of every make ------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Make:
    """The states of a profile: status and raw status, step by step."""

    name: str
    idle: tuple[str, str] = ("disconnected", "disconnected")
    plugged: tuple[str, str] = ("ready_to_charge", "ready_to_charge")
    charging: tuple[str, str] = ("charging", "charging")
    paused: tuple[str, str] | None = ("suspended_by_ev", "suspended_by_ev")
    """While the car pauses; not if that looks the same as charging."""
    stopped: tuple[str, str] = ("ready_to_charge", "ready_to_charge")
    full: tuple[str, str] = ("finished", "finished")
    fault: tuple[str, str] = ("error", "error")
    refusal: str = "not today"
    setup: dict[str, Any] = field(default_factory=dict)


MAKES = {
    "full": Make(name="Acme Wallbox"),
    # It has no word for a break of the car or for a full one.
    "minimal": Make(name="Acme Socket", paused=None, full=("ready_to_charge", "ready_to_charge")),
    "easee": Make(name="Easee Home"),
    "easee_2021": Make(
        name="Easee Laderobot",
        idle=("disconnected", "available"),
        plugged=("requesting", "preparing"),
        paused=("ready_to_charge", "paused"),
        stopped=("ready_to_charge", "paused"),
        fault=("unknown", "unknown"),
    ),
    "defa": Make(
        name="XX12345",
        plugged=("requesting", "Preparing"),
        paused=("suspended_by_ev", "SuspendedEV"),
        stopped=("requesting", "Preparing"),
        full=("finished", "Finishing"),
        refusal="TX_ERROR",
    ),
    "futurehome": Make(name="Futurehome Charge", setup={"address": "3_1"}),
}


async def is_at(chargepoint: Chargepoint, step: tuple[str, str], switch: str) -> None:
    """Wait until a charge point has come to a step."""
    status, raw = step
    await chargepoint.wait_for_raw_status(raw)
    await chargepoint.wait_for_state("sensor", "status", status)
    await chargepoint.wait_for_state("switch", "charging", switch)


@pytest.mark.parametrize("profile", MAKES)
async def test_a_day(hass: HomeAssistant, broker: BrokerProcess, profile: str) -> None:
    """Plugged in, refused, started, paused by the car and by us, full, broken, and gone."""
    make = MAKES[profile]
    setup = ChargepointSetup(profile=profile, **make.setup)
    async with simulator(broker, setup) as point:
        entry = await load(hass, other_broker(broker))
        chargepoint = Chargepoint(hass, point, entry)
        await chargepoint.comes()
        await is_at(chargepoint, make.idle, "off")
        await until(lambda: make.name in devices(hass, entry))
        assert len(devices(hass, entry)) == 1
        await point.plug()
        await is_at(chargepoint, make.plugged, "off")
        await chargepoint.wait_for_state("binary_sensor", "plug", "on")
        # Each refuses in its own way, DEFA only with a code.
        await point.refuse("not today")
        with pytest.raises(HomeAssistantError, match=make.refusal):
            await chargepoint.call("switch", "turn_on", "charging")
        await is_at(chargepoint, make.plugged, "off")
        await point.refuse()
        await chargepoint.call("switch", "turn_on", "charging")
        await is_at(chargepoint, make.charging, "on")
        if make.paused:
            await point.car_pause()
            on = "off" if make.paused[0] == "ready_to_charge" else "on"
            await is_at(chargepoint, make.paused, on)
            await point.car_resume()
            await is_at(chargepoint, make.charging, "on")
        await chargepoint.call("switch", "turn_off", "charging")
        await is_at(chargepoint, make.stopped, "off")
        await chargepoint.call("switch", "turn_on", "charging")
        await is_at(chargepoint, make.charging, "on")
        await point.full()
        await is_at(chargepoint, make.full, "off")
        await point.fault("smoke")
        await chargepoint.wait_for_raw_status(make.fault[1])
        await chargepoint.wait_for_state("sensor", "status", make.fault[0])
        await point.clear_fault()
        await is_at(chargepoint, make.full, "off")
        await point.unplug()
        await is_at(chargepoint, make.idle, "off")
        await chargepoint.wait_for_state("binary_sensor", "plug", "off")
        await hass.config_entries.async_unload(entry.entry_id)


async def test_more_listed_than_can_be_done(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """Easee of 2021 lists a lock that accepts no command: this is an error, after a while."""
    setup = ChargepointSetup(profile="easee_2021")
    async with running(hass, broker, setup) as chargepoint:
        chargepoint.node._commands._timeout = 1.0
        await chargepoint.wait_for_state("lock", "cable", "unlocked")
        with pytest.raises(HomeAssistantError) as caught:
            await chargepoint.call("lock", "lock", "cable")
        assert caught.value.translation_key == "command_timeout"
        assert chargepoint.state("lock", "cable") == "unlocked"
        # Neither of its own modes is one of ours.
        assert find(hass, "select", "charging_mode") is None


@pytest.mark.parametrize(
    ("profile", "keys"),
    [
        ("minimal", ()),
        ("defa", ("power",)),
        ("easee_2021", ("power", "lifetime_energy", "voltage")),
        ("easee", ("power", "lifetime_energy", "offered_current", "phase_mode")),
        ("futurehome", ("power", "lifetime_energy", "offered_current", "current_l1")),
    ],
)
async def test_only_what_it_has(
    hass: HomeAssistant, broker: BrokerProcess, profile: str, keys: tuple[str, ...]
) -> None:
    """No entity exists that never has a value."""
    possible = {
        "power",
        "lifetime_energy",
        "voltage",
        "current_l1",
        "voltage_l1",
        "power_l1",
        "power_export",
        "energy_export",
        "frequency",
        "offered_current",
        "phase_mode",
        "signal_strength",
        "uptime",
        "evse_id",
    }
    more_keys = {"easee": {"current_l1"}, "futurehome": {"voltage_l1"}}.get(profile, set())
    async with running(hass, broker, ChargepointSetup(profile=profile)):
        expected = {*keys} | more_keys
        await until(lambda: all(find(hass, "sensor", each) for each in expected))
        await hass.async_block_till_done()
        assert {each for each in possible if find(hass, "sensor", each)} == expected


# Changing capabilities -------------------------------------------------------------------


@pytest.mark.parametrize("hub", [False, True])
async def test_modes_come_and_go(
    hass: HomeAssistant,
    broker: BrokerProcess,
    hub: bool,  # noqa: FBT001
) -> None:
    """Without modes there is nothing to select; with new ones it is the same select."""
    async with running(hass, broker, hub=hub) as chargepoint:
        await until(lambda: find(hass, "select", "charging_mode"))
        entity_id = chargepoint.id("select", "charging_mode")
        await chargepoint.call("select", "select_option", "charging_mode", option="slow")
        await chargepoint.point.modes("")
        await until(lambda: find(hass, "select", "charging_mode") is None)
        await until(lambda: hass.states.get(entity_id) is None)
        # A selected mode that no longer exists is not sent with a start.
        await chargepoint.point.plug()
        await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
        await chargepoint.call("switch", "turn_on", "charging")
        assert [each["props"] for each in chargepoint.sent("cmd.charge.start")] == [None]

        await chargepoint.point.modes("eco,fast")
        await until(lambda: find(hass, "select", "charging_mode"))
        assert chargepoint.id("select", "charging_mode") == entity_id
        await until(lambda: hass.states.get(entity_id))
        assert hass.states.get(entity_id).attributes["options"] == ["eco", "fast"]
        await chargepoint.point.modes("eco")
        await until(lambda: hass.states.get(entity_id).attributes["options"] == ["eco"])


async def test_modes_flicker(
    hass: HomeAssistant, broker: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    """An adapter that starts may list this and that in one breath."""
    async with running(hass, broker, timing=QUIET) as chargepoint:
        await until(lambda: find(hass, "select", "charging_mode"))
        entity_id = chargepoint.id("select", "charging_mode")
        for modes in ("", "a", "", "b", "", "c"):
            await chargepoint.point.modes(modes)
        await until(
            lambda: chargepoint.node.snapshot.capabilities.options.get("charging_mode") == ("c",)
        )
        await hass.async_block_till_done()
        assert chargepoint.id("select", "charging_mode") == entity_id
        assert hass.states.get(entity_id).attributes["options"] == ["c"]
        await chargepoint.point.modes("")
        await until(lambda: find(hass, "select", "charging_mode") is None)
        await until(lambda: hass.states.get(entity_id) is None)
        assert "unique" not in caplog.text


async def test_features_come_and_go(hass: HomeAssistant, broker: BrokerProcess) -> None:
    """A limit that can be set no more is a sensor, and a number again when it can."""
    async with running(hass, broker) as chargepoint:
        point = chargepoint.point["garage"]
        await until(lambda: find(hass, "number", "session_current"))
        before = chargepoint.id("number", "session_current"), chargepoint.id("lock", "cable")
        had = point.profile.features
        object.__setattr__(point.profile, "features", had - {"offered_current", "cable_lock.set"})
        try:
            await chargepoint.point.relist()
            await until(lambda: find(hass, "number", "session_current") is None)
            await until(lambda: find(hass, "lock", "cable") is None)
            # The lock still shows whether it is locked.
            await chargepoint.wait_for_state("binary_sensor", "cable_lock", "on")
        finally:
            object.__setattr__(point.profile, "features", had)
        await chargepoint.point.relist()
        await until(lambda: find(hass, "number", "session_current"))
        await until(lambda: find(hass, "binary_sensor", "cable_lock") is None)
        assert before == (
            chargepoint.id("number", "session_current"),
            chargepoint.id("lock", "cable"),
        )


# Off by default --------------------------------------------------------------------------

#: What most people never look at.
OFF = (
    *(f"{what}_l{line}" for what in ("power", "current", "voltage") for line in (1, 2, 3)),
    "power_export",
    "energy_export",
    "session_ended",
    "signal_strength",
    "link_quality",
    "uptime",
    "restarts",
    "restart_reason",
    "raw_status",
)


async def test_off_by_default(hass: HomeAssistant, chargepoint: Chargepoint) -> None:
    """They are in the registry, and work as soon as they are enabled."""
    # The settings of the charger are the last that it reports.
    await until(lambda: find(hass, "number", "parameter_led_brightness") is not None)
    registry = er.async_get(hass)
    for key in OFF:
        entry = chargepoint.registered("sensor", key)
        assert entry.disabled_by is er.RegistryEntryDisabler.INTEGRATION, key
        assert hass.states.get(entry.entity_id) is None
        registry.async_update_entity(entry.entity_id, disabled_by=None)
    enabled = {
        each.unique_id
        for each in er.async_entries_for_config_entry(registry, chargepoint.entry.entry_id)
        if each.disabled_by is None
    }
    # Home Assistant does that automatically half a minute later.
    await hass.config_entries.async_reload(chargepoint.entry.entry_id)
    await chargepoint.wait_for_state("sensor", "status", "disconnected")
    assert enabled == {
        each.unique_id
        for each in er.async_entries_for_config_entry(registry, chargepoint.entry.entry_id)
    }
    for key, state in (
        ("voltage_l1", "229.5"),
        ("power_l2", "0.0"),
        ("current_l3", "0.0"),
        ("energy_export", "12.5"),
        ("power_export", "0.0"),
        ("signal_strength", "-61.0"),
        ("link_quality", "168.0"),
        ("restarts", "3.0"),
        ("restart_reason", "power_on"),
        ("session_ended", "unknown"),
    ):
        await chargepoint.wait_for_state("sensor", key, state)
    await chargepoint.point.plug()
    await chargepoint.wait_for_state("sensor", "status", "ready_to_charge")
    await chargepoint.call("switch", "turn_on", "charging")
    for line in (1, 2, 3):
        await chargepoint.wait_for_state("sensor", f"power_l{line}", "7360.0")
        await chargepoint.wait_for_state("sensor", f"current_l{line}", "32.0")
    await chargepoint.point.unplug()
    await until(lambda: chargepoint.state("sensor", "session_ended") != "unknown")


async def test_health_after_a_restart(
    hass: HomeAssistant, broker: BrokerProcess, everything_enabled: None
) -> None:
    """A restarted charge point reports why and how often, if it is asked again."""
    async with running(hass, broker) as chargepoint:
        await chargepoint.wait_for_state("sensor", "restarts", "3.0")
        await chargepoint.wait_for_state("sensor", "restart_reason", "power_on")
        await chargepoint.call("button", "press", "restart")
        await chargepoint.wait_for_state("sensor", "restarts", "4.0")
        await chargepoint.wait_for_state("sensor", "restart_reason", "remote_reset")
