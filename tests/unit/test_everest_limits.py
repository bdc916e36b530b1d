"""The limits of an EVSE: those that apply, those that are requested, and their confirmation."""

import asyncio
import struct
from typing import Any

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.capabilities import Range
from custom_components.fimp_chargepoint.chargepoint.derived import (
    NotChargingReason,
    not_charging_reason,
)
from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandTimeoutError,
    InvalidRequestError,
    NotConnectedError,
    OutOfRangeError,
)
from custom_components.fimp_chargepoint.chargepoint.everest.limits import (
    SOURCE,
    Limits,
    command,
    enforced,
    possible,
    switches_phases,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature, Reason, Status
from custom_components.fimp_chargepoint.chargepoint.scheduler import posix

from .everest_limits import FUSE, HARDWARE, OURS, holding, limit, ordered, split
from .everest_site import EVSE, LIMITS, ROOT, Site, begin, outcome
from .fakes import waits

NOW = 1_800_000_000.0
TIMESTAMP = "2027-01-15T08:00:00.000Z"


def float32(value: float) -> float:
    """Return a number as EVerest prints it."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


@pytest.fixture(name="site", params=["", "site1/"])
def site_fixture(request: pytest.FixtureRequest) -> Site:
    """A station with one EVSE whose fuse has 16 A, and a module for its limits."""
    site = Site(request.param)
    site.info("Charging")
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    site.evse("hw_capabilities", HARDWARE)
    site.evse("enforced_limits", holding(16.0))
    site.wait(5)
    site.take()
    return site


# Limits that apply -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "limits", "source"),
    [
        (holding(16.0), Limits(max_current=16.0, phases=3), FUSE),
        (holding(10, "home", 1), Limits(max_current=10.0, phases=1), "home"),
        (holding(float32(10.1), "x"), Limits(max_current=10.1, phases=3), "x"),
        (holding(float32(15.99), "x"), Limits(max_current=15.99, phases=3), "x"),
        # No energy, whatever the source; right after the start, EVerest reports it without meaning.
        (holding(0.0, "", None), Limits(max_current=0.0), None),
        (holding(0, "", 3), Limits(max_current=0.0, phases=3), None),
        # A pause that was ordered has a source.
        (holding(0.0, "OCPP", None), Limits(max_current=0.0), "OCPP"),
        # Missing or empty values.
        (holding(None, phases=None), Limits(), None),
        (holding(16.0, phases=None), Limits(max_current=16.0), FUSE),
        (holding(16.0, None, None), Limits(max_current=16.0), None),
        (holding(16.0, 5, None), Limits(max_current=16.0), None),
        (holding("16", "x", "3"), Limits(), "x"),
        (holding([], "x", {}), Limits(), "x"),
        (holding(True, "x", True), Limits(), "x"),
        (holding(16.0, "x" * 500, None), Limits(max_current=16.0), "x" * 200),
        (
            {"limits_root_side": {"ac_max_current_A": {"value": None, "source": "x"}}},
            Limits(),
            "x",
        ),
        ({"limits_root_side": {"ac_max_current_A": 16.0}}, Limits(), None),
        ({"limits_root_side": {"ac_max_current_A": None}}, Limits(), None),
        (
            {"limits_root_side": {"total_power_W": {"value": 1, "source": "x"}}},
            Limits(max_power=1.0),
            None,
        ),
        ({"limits_root_side": None}, Limits(), None),
        ({"limits_root_side": []}, Limits(), None),
        ({"uuid": "connector_1"}, Limits(), None),
        ({}, Limits(), None),
    ],
)
def test_what_it_says_of_the_limits(
    value: dict[str, Any], limits: Limits, source: str | None
) -> None:
    found = enforced(value)
    assert (found.limits, found.source) == (limits, source)


@pytest.mark.parametrize(
    ("value", "ours"),
    [
        (holding(10.0, OURS, 1, OURS), Limits(max_current=10.0, phases=1)),
        (holding(10.0, SOURCE, 3, FUSE), Limits(max_current=10.0)),
        (holding(16.0, FUSE, 1, OURS), Limits(phases=1)),
        (holding(16.0, FUSE, 3, FUSE), Limits()),
        (holding(16.0, None, 3, None), Limits()),
        ({}, Limits()),
    ],
)
def test_which_of_them_are_ours(value: dict[str, Any], ours: Limits) -> None:
    assert enforced(value).ours == ours


def test_what_holds_is_shown(site: Site) -> None:
    assert limits_shown(site) == (16.0, 16.0, FUSE, "3")
    assert site.shown.capabilities.reports >= {
        Feature.MAX_CURRENT,
        Feature.EFFECTIVE_CURRENT,
        Feature.LIMITED_BY,
    }
    site.evse("enforced_limits", holding(float32(8.3), "OCPP", 1))
    assert limits_shown(site) == (8.3, 8.3, "OCPP", "1")
    # Another client limits to less than 6 A; the phases are not reported then.
    site.evse("enforced_limits", holding(0.0, "", None))
    assert limits_shown(site) == (0.0, 0.0, None, "1")
    site.evse("enforced_limits", holding(16.0))
    site.wait(31)
    assert site.shown.unavailable is Reason.SILENT
    assert limits_shown(site) == (None, None, None, None)


def limits_shown(site: Site) -> tuple[float | None, float | None, str | None, str | None]:
    """Return the limit that was set, the one that holds, whose that is, and the phases."""
    shown = site.shown
    return shown.max_current, shown.effective_current, shown.limited_by, shown.phases


def test_right_after_a_start_no_energy_means_nothing(site: Site) -> None:
    site.evse("heartbeat", 100)
    site.evse("heartbeat", 0)
    site.evse("enforced_limits", holding(0.0, "", None))
    assert limits_shown(site) == (None, None, None, None)
    site.wait(4.9)
    site.evse("enforced_limits", holding(0.0, "", None))
    assert limits_shown(site) == (None, None, None, None)
    site.wait(0.2)
    site.evse("enforced_limits", holding(0.0, "", None))
    assert limits_shown(site) == (0.0, 0.0, None, None)


# Requested limits ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "leaves"),
    [
        (
            Limits(max_current=10.0),
            {"ac_max_current_A": {"value": 10.0, "source": "fimp_chargepoint/limits_1"}},
        ),
        (
            Limits(phases=1),
            {"ac_max_phase_count": {"value": 1, "source": "fimp_chargepoint/limits_1"}},
        ),
        (
            Limits(max_current=6.5, phases=3),
            {
                "ac_max_current_A": {"value": 6.5, "source": "fimp_chargepoint/limits_1"},
                "ac_max_phase_count": {"value": 3, "source": "fimp_chargepoint/limits_1"},
            },
        ),
    ],
)
def test_the_message(limits: Limits, leaves: dict[str, Any]) -> None:
    assert command(limits, posix(NOW + 0.9), "limits_1") == {
        "schedule_import": [
            {"timestamp": TIMESTAMP, "limits_to_root": {}, "limits_to_leaves": leaves}
        ],
        "schedule_export": [],
        "schedule_setpoints": [],
    }


def test_without_any_limit_ours_is_withdrawn() -> None:
    assert command(Limits(), posix(NOW), "limits_1") == {
        "schedule_import": [],
        "schedule_export": [],
        "schedule_setpoints": [],
    }


async def test_what_goes_out_is_plain(site: Site) -> None:
    """No envelope, and no reply."""
    task = await begin(limit(site, 10))
    [(topic, payload)] = site.hub.sent
    assert topic == f"{site.prefix}{ROOT}/{LIMITS}/limits_1/m2e/set_external_limits"
    assert orjson.loads(payload) == command(
        Limits(max_current=10.0), posix(site.hub.clock.time), "limits_1"
    )
    site.evse("enforced_limits", holding(10.0, OURS))
    await outcome(task)
    assert not site.shown.pending


async def test_current_and_phases_are_kept_together(site: Site) -> None:
    """The message replaces all our limits: it contains those that apply and those under way."""
    task = await begin(limit(site, 10))
    site.evse("enforced_limits", holding(10.0, OURS))
    await outcome(task)
    task = await begin(split(site, "1"))
    site.evse("enforced_limits", holding(10.0, OURS, 1, OURS))
    await outcome(task)
    task = await begin(limit(site, 12))
    site.evse("enforced_limits", holding(12.0, OURS, 1, OURS))
    await outcome(task)
    both = [await begin(limit(site, 8)), await begin(split(site, "3"))]
    site.evse("enforced_limits", holding(8.0, OURS, 3, OURS))
    for each in both:
        await outcome(each)
    assert ordered(site) == [
        {"ac_max_current_A": 10.0},
        {"ac_max_current_A": 10.0, "ac_max_phase_count": 1},
        {"ac_max_current_A": 12.0, "ac_max_phase_count": 1},
        {"ac_max_current_A": 8.0, "ac_max_phase_count": 1},
        {"ac_max_current_A": 8.0, "ac_max_phase_count": 3},
    ]


@pytest.mark.parametrize("lost", ["sent", "proven"])
async def test_what_failed_does_not_go_along_later(site: Site, lost: str) -> None:
    if lost == "sent":
        site.hub.connected = False
        with pytest.raises(NotConnectedError):
            await limit(site, 10)
        site.hub.connected = True
    else:
        task = await begin(limit(site, 10))
        await steady(site, 11, holding(16.0))
        with pytest.raises(CommandTimeoutError):
            await outcome(task)
    site.take()
    task = await begin(split(site, "1"))
    assert ordered(site) == [{"ac_max_phase_count": 1}]
    site.evse("enforced_limits", holding(16.0, FUSE, 1, OURS))
    await outcome(task)


async def test_what_a_restart_has_taken_away_does_not_come_back(site: Site) -> None:
    """EVerest keeps limits in memory only."""
    site.evse("heartbeat", 100)
    task = await begin(limit(site, 10))
    site.evse("enforced_limits", holding(10.0, OURS))
    await outcome(task)
    site.evse("heartbeat", 0)
    site.evse("enforced_limits", holding(0.0, "", None))
    site.evse("enforced_limits", holding(16.0))
    site.take()
    task = await begin(split(site, "1"))
    assert ordered(site) == [{"ac_max_phase_count": 1}]
    site.evse("enforced_limits", holding(16.0, FUSE, 1, OURS))
    await outcome(task)


@pytest.mark.parametrize("sent", ["end_failsafe", "send_limits"])
async def test_what_is_on_its_way_goes_along_with_all_others(site: Site, sent: str) -> None:
    """After a failsafe or a restart, all limits are sent at once: none overtakes a newer one."""
    task = await begin(limit(site, 12))
    site.evse("enforced_limits", holding(12.0, OURS))
    await outcome(task)
    both = [await begin(limit(site, 8)), await begin(split(site, "1"))]
    node = site.node()
    if sent == "send_limits":
        node.send_limits()
    else:
        await node.end_failsafe()
    assert ordered(site)[-1] == {"ac_max_current_A": 8.0, "ac_max_phase_count": 1}
    site.evse("enforced_limits", holding(8.0, OURS, 1, OURS))
    for each in both:
        await outcome(each)


async def test_what_others_hide_is_not_forgotten_with_the_link(site: Site) -> None:
    task = await begin(limit(site, 10))
    site.evse("enforced_limits", holding(10.0, OURS))
    await outcome(task)
    site.evse("enforced_limits", holding(8.0, "OCPP"))
    site.cut()
    site.mend()
    site.evse("enforced_limits", holding(8.0, "OCPP"))
    site.take()
    task = await begin(split(site, "1"))
    assert ordered(site) == [{"ac_max_current_A": 10.0, "ac_max_phase_count": 1}]
    site.evse("enforced_limits", holding(8.0, "OCPP", 1, OURS))
    await outcome(task)


# Confirmation ----------------------------------------------------------------------------


async def steady(site: Site, seconds: int, reported: dict[str, Any]) -> None:
    """Let the energy manager publish the same each second."""
    for _ in range(seconds):
        site.wait(1)
        site.evse("enforced_limits", reported)
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("requested", "reported"),
    [
        (10, holding(10.0, OURS)),
        (10, holding(float32(10.0), SOURCE)),
        (10.3, holding(float32(10.3), OURS)),
        # Another client limits to less: ours exists, and will apply when theirs ends.
        (12, holding(8.0, "OCPP")),
        (12, holding(0.0, "OCPP", None)),
        (12, holding(0.0, "", None)),
        # Above the fuse, the fuse is the limit, also if both are the same.
        (20, holding(16.0)),
        (10, holding(10.0, FUSE)),
    ],
)
async def test_proofs(site: Site, requested: float, reported: dict[str, Any]) -> None:
    site.evse("enforced_limits", holding(25.0))
    site.take()
    task = await begin(limit(site, requested))
    assert len(ordered(site)) == 1
    await steady(site, 2, reported)
    await outcome(task)
    assert site.shown.effective_current == enforced(reported).limits.max_current
    assert site.shown.max_current == requested


@pytest.mark.parametrize(
    "reported",
    [
        # Our former limit.
        holding(8.0, OURS),
        # A limit of another client is not a limit of ours.
        holding(16.0, FUSE),
        holding(13.0, "OCPP"),
        holding(12.5, OURS),
        # Nothing is known.
        holding(None),
        {},
    ],
)
async def test_no_proofs(site: Site, reported: dict[str, Any]) -> None:
    task = await begin(limit(site, 8))
    site.evse("enforced_limits", holding(8.0, OURS))
    await outcome(task)
    site.wait(5)
    task = await begin(limit(site, 12))
    await steady(site, 9, reported)
    assert await waits(task)
    await steady(site, 2, reported)
    with pytest.raises(CommandTimeoutError):
        await outcome(task)
    assert not site.shown.pending


async def test_every_tenth_of_an_ampere_can_be_proven(site: Site) -> None:
    """The requested, the sent and the reported value are the same number."""
    failed = []
    for tenths in range(61, 320):
        requested = tenths / 10
        site.publish(LIMITS, "limits_1", "heartbeat", tenths)
        site.take()
        task = await begin(limit(site, requested))
        [leaves] = ordered(site)
        sent = leaves["ac_max_current_A"]
        site.evse("enforced_limits", holding(float32(sent), OURS))
        await asyncio.sleep(0)
        if await waits(task):
            failed.append(sent)
            site.wait(10.1)
            with pytest.raises(CommandTimeoutError):
                await outcome(task)
        else:
            await outcome(task)
            assert sent == requested
        site.evse("enforced_limits", holding(16.0, FUSE))
        site.wait(5)
        site.evse("enforced_limits", holding(32.0, FUSE))
    assert failed == []


async def test_our_limit_that_holds_needs_no_message(site: Site) -> None:
    site.evse("enforced_limits", holding(10.0, OURS, 1, OURS))
    await limit(site, 10)
    await split(site, "1")
    assert site.take() == []


async def test_a_limit_of_somebody_else_is_none_of_ours(site: Site) -> None:
    """It may end at any time: the requested value has to apply then."""
    site.evse("enforced_limits", holding(10.0, "OCPP"))
    task = await begin(limit(site, 10))
    assert ordered(site) == [{"ac_max_current_A": 10.0}]
    await steady(site, 2, holding(10.0, "OCPP"))
    await outcome(task)


async def test_a_limit_equal_to_the_fuse_keeps_its_source(site: Site) -> None:
    task = await begin(limit(site, 10))
    site.evse("enforced_limits", holding(10.0, OURS))
    await outcome(task)
    site.wait(5)
    task = await begin(limit(site, 16))
    site.evse("enforced_limits", holding(10.0, OURS))
    assert await waits(task)
    site.evse("enforced_limits", holding(16.0, FUSE))
    await outcome(task)
    assert site.shown.limited_by == FUSE


async def test_raised_again_while_somebody_else_limits_to_less(site: Site) -> None:
    site.evse("enforced_limits", holding(8.0, "OCPP"))
    task = await begin(limit(site, 14))
    assert ordered(site) == [{"ac_max_current_A": 14.0}]
    # The first report may be older than the message.
    site.evse("enforced_limits", holding(8.0, "OCPP"))
    assert await waits(task)
    await steady(site, 2, holding(8.0, "OCPP"))
    await outcome(task)
    assert limits_shown(site) == (14.0, 8.0, "OCPP", "3")


@pytest.mark.parametrize(
    ("reported", "proof"),
    [
        (holding(16.0, FUSE, 1, OURS), True),
        (holding(16.0, FUSE, 1, FUSE), True),
        (holding(16.0, FUSE, 3, FUSE), False),
        (holding(16.0, FUSE, 2, OURS), False),
        (holding(16.0, FUSE, None), False),
        # Nothing can be seen of them: ours are there when the other's end.
        (holding(0.0, "", None), True),
    ],
)
async def test_proofs_of_phases(site: Site, reported: dict[str, Any], *, proof: bool) -> None:
    task = await begin(split(site, "1"))
    assert ordered(site) == [{"ac_max_phase_count": 1}]
    await steady(site, 9, reported)
    assert await waits(task) is not proof
    await steady(site, 2, reported)
    if proof:
        await outcome(task)
        assert site.shown.phases == "1"
    else:
        with pytest.raises(CommandTimeoutError):
            await outcome(task)


async def test_back_to_three_phases(site: Site) -> None:
    site.evse("enforced_limits", holding(16.0, FUSE, 1, OURS))
    task = await begin(split(site, "3"))
    site.evse("enforced_limits", holding(16.0, FUSE, 3, FUSE))
    await outcome(task)
    site.take()
    await split(site, "3")
    assert site.take() == []


# Possible requests -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hardware", "found"),
    [
        (HARDWARE, Range(6.0, 32.0, 0.1)),
        (HARDWARE | {"max_current_A_import": 16}, Range(6.0, 16.0, 0.1)),
        (HARDWARE | {"min_current_A_import": 10.0}, Range(10.0, 32.0, 0.1)),
        # No car accepts less than this.
        (HARDWARE | {"min_current_A_import": 0.0}, Range(6.0, 32.0, 0.1)),
        (HARDWARE | {"max_current_A_import": 0.0}, Range(6.0, 32.0, 0.1)),
        (HARDWARE | {"max_current_A_import": 3.0}, Range(6.0, 6.0, 0.1)),
        (HARDWARE | {"max_current_A_import": None}, Range(6.0, 32.0, 0.1)),
        (HARDWARE | {"min_current_A_import": "6"}, Range(6.0, 32.0, 0.1)),
        ({}, Range(6.0, 32.0, 0.1)),
    ],
)
def test_bounds(hardware: dict[str, Any], found: Range) -> None:
    assert possible(hardware) == found


@pytest.mark.parametrize(
    ("change", "may"),
    [
        ({}, True),
        ({"supports_changing_phases_during_charging": False}, False),
        ({"supports_changing_phases_during_charging": None}, False),
        ({"supports_changing_phases_during_charging": 1}, False),
        ({"min_phase_count_import": 3}, False),
        ({"max_phase_count_import": 1}, False),
        ({"max_phase_count_import": None}, False),
    ],
)
async def test_phases_only_where_they_can_change(
    site: Site, change: dict[str, Any], *, may: bool
) -> None:
    assert switches_phases(HARDWARE | change) is may
    site.evse("hw_capabilities", HARDWARE | change)
    assert (Feature.PHASES in site.shown.capabilities.controls) is may
    assert Feature.MAX_CURRENT in site.shown.capabilities.controls
    if not may:
        with pytest.raises(InvalidRequestError):
            await split(site, "1")
    assert site.take() == []


@pytest.mark.parametrize("ampere", [0, 5.9, 32.1, -10, 1e9, float("nan"), float("inf")])
async def test_out_of_range(site: Site, ampere: float) -> None:
    with pytest.raises(OutOfRangeError):
        await limit(site, ampere)
    assert site.take() == []
    assert not site.shown.pending


@pytest.mark.parametrize("phases", ["2", "0", "", "three", "1.0"])
async def test_no_other_number_of_phases(site: Site, phases: str) -> None:
    with pytest.raises(InvalidRequestError):
        await split(site, phases)
    assert site.take() == []


def controls(site: Site) -> set[Feature]:
    """Return which of the limits can be asked for."""
    return set(site.shown.capabilities.controls & {Feature.MAX_CURRENT, Feature.PHASES})


async def test_only_with_a_module_for_limits() -> None:
    site = Site()
    site.info("Charging")
    site.evse("hw_capabilities", HARDWARE)
    site.evse("enforced_limits", holding(16.0))
    assert controls(site) == set()
    assert site.shown.max_current == 16.0
    with pytest.raises(InvalidRequestError):
        await limit(site, 10)
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    assert controls(site) == {Feature.MAX_CURRENT, Feature.PHASES}


@pytest.mark.parametrize(("kind", "module"), [(LIMITS, "limits_2"), (EVSE, "evse_2")])
async def test_gone_where_it_is_not_certain_any_more(site: Site, kind: str, module: str) -> None:
    assert controls(site) == {Feature.MAX_CURRENT, Feature.PHASES}
    waiting = await begin(limit(site, 10))
    site.take()
    site.publish(kind, module, "heartbeat", 1)
    assert controls(site) == set()
    with pytest.raises(InvalidRequestError):
        await limit(site, 12)
    assert not ordered(site)
    # The sent limit may still be seen.
    site.evse("enforced_limits", holding(10.0, OURS))
    await outcome(waiting)
    # The limit that applies is still shown.
    assert site.shown.max_current == 10.0
    site.evse("hw_capabilities", HARDWARE)
    assert controls(site) == set()


@pytest.mark.parametrize("feature_and_value", [(Feature.MAX_CURRENT, 10), (Feature.PHASES, "1")])
async def test_without_the_link(site: Site, feature_and_value: tuple[Feature, float | str]) -> None:
    site.hub.connected = False
    with pytest.raises(NotConnectedError):
        await site.node().set(*feature_and_value)
    assert site.take() == []
    assert not site.shown.pending


# The effect of a limit on the car ----------------------------------------------------------


def test_an_allowed_car_without_energy_waits_for_the_station(site: Site) -> None:
    """It only reports that it is about to charge."""
    site.event("TransactionStarted", uuid="one")
    site.event("PrepareCharging", uuid="one")
    site.wait(4)
    assert site.shown.status is Status.SUSPENDED_BY_EV
    site.evse("enforced_limits", holding(0.0, "", None))
    assert (site.shown.status, not_charging_reason(site.shown)) == (
        Status.SUSPENDED_BY_EVSE,
        NotChargingReason.CURRENT_TOO_LOW,
    )
    site.evse("enforced_limits", holding(16.0))
    assert site.shown.status is Status.SUSPENDED_BY_EV
    site.event("ChargingStarted", uuid="one")
    site.evse("enforced_limits", holding(0.0, "", None))
    # Then the station reports it in its own time.
    assert site.shown.status is Status.CHARGING


async def test_ours_is_shown_as_long_as_it_holds_or_waits(site: Site) -> None:
    task = await begin(limit(site, 12))
    site.evse("enforced_limits", holding(12.0, OURS))
    await outcome(task)
    for reported, shown in (
        (holding(8.0, "OCPP"), (12.0, 8.0, "OCPP", "3")),
        (holding(0.0, "", None), (12.0, 0.0, None, "3")),
        (holding(12.0, OURS), (12.0, 12.0, OURS, "3")),
        # Another client has replaced it, or it is lost.
        (holding(16.0), (16.0, 16.0, FUSE, "3")),
        (holding(9.0, OURS), (9.0, 9.0, OURS, "3")),
    ):
        site.evse("enforced_limits", reported)
        assert limits_shown(site) == shown
    site.cut()
    assert limits_shown(site) == (None, None, None, None)
    site.mend()
    site.evse("enforced_limits", holding(8.0, "OCPP"))
    assert limits_shown(site) == (12.0, 8.0, "OCPP", "3")


# Limits of power --------------------------------------------------------------------------


def by_power(watts: float, current: float | None = 16.0, phases: int | None = 3) -> dict[str, Any]:
    """Return `enforced_limits` with a limit of power beside that of the current."""
    value = holding(current, FUSE, phases)
    value["limits_root_side"]["total_power_W"] = {"value": watts, "source": "EnergyManager"}
    return value


@pytest.mark.parametrize(
    ("value", "voltages", "shown"),
    [
        # Stricter than the current.
        (by_power(6900.0), (230.0, 231.0, 229.0), (10.0, "EnergyManager", 6900)),
        (by_power(2300.0, phases=1), (230.0, None, None), (10.0, "EnergyManager", 2300)),
        (by_power(6900.0, current=None), (230.0, 230.0, 230.0), (10.0, "EnergyManager", 6900)),
        # Not stricter.
        (by_power(11040.0), (230.0, 230.0, 230.0), (16.0, FUSE, 11040)),
        # Not known how much that is.
        (by_power(6900.0), (None, None, None), (16.0, FUSE, 6900)),
        (by_power(6900.0, phases=None), (230.0, 230.0, 230.0), (16.0, FUSE, 6900)),
        # Nothing is nothing.
        (by_power(0.0), (None, None, None), (0.0, "EnergyManager", 0)),
        (holding(16.0, FUSE), (230.0, 230.0, 230.0), (16.0, FUSE, None)),
    ],
)
def test_a_limit_of_power_counts(
    value: dict[str, Any],
    voltages: tuple[float | None, ...],
    shown: tuple[float | None, str | None, float | None],
) -> None:
    site = Site()
    site.info("Charging")
    lines = {f"L{line}": volts for line, volts in enumerate(voltages, 1) if volts is not None}
    site.evse("powermeter", {"energy_Wh_import": {"total": 1.0}, "voltage_V": lines})
    site.evse("enforced_limits", value)
    known = site.shown
    assert (known.effective_current, known.limited_by, known.power_limit) == shown
    assert (Feature.POWER_LIMIT in known.capabilities.reports) is (shown[2] is not None)
