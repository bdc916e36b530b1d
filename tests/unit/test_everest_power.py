"""A limit of the power in W, through a limits module of EVerest API v1.

EVerest reports the power that it gives as soon as anybody limits it: by the strictest limit, be
that a current or a power, with the source of that one.
"""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.fimp_chargepoint.chargepoint.capabilities import Range
from custom_components.fimp_chargepoint.chargepoint.errors import (
    CommandTimeoutError,
    InvalidRequestError,
    OutOfRangeError,
)
from custom_components.fimp_chargepoint.chargepoint.everest.limits import (
    SOURCE,
    Limits,
    enforced,
    possible_power,
)
from custom_components.fimp_chargepoint.chargepoint.limits.requested import (
    Requested,
    StoredRequests,
)
from custom_components.fimp_chargepoint.chargepoint.model import Feature
from custom_components.fimp_chargepoint.chargepoint.options import Options

from .everest_limits import FUSE, HARDWARE, given, holding, limit, limit_power, ordered, split
from .everest_site import LIMITS, Site, begin, outcome
from .fakes import UNTHROTTLED

#: What EVerest calls ours.
OURS = f"{SOURCE}/limits_1"
NOTHING = given(0.0, "", 3)


def charging(options: Options = UNTHROTTLED) -> Site:
    """Return a charging car at a station whose fuse has 16 A."""
    site = Site(options=options)
    site.info("Charging")
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    site.evse("hw_capabilities", HARDWARE)
    site.evse("enforced_limits", holding(16.0))
    site.wait(5)
    site.take()
    return site


def shown(site: Site) -> tuple[float | None, float | None, float | None, float | None]:
    """Return the limits that were set and those that hold, of the power and of the current."""
    found = site.shown
    return found.max_power, found.power_limit, found.max_current, found.effective_current


async def set_power(site: Site, watts: float, report: dict[str, Any]) -> None:
    """Limit the power; the station reports that it has taken it."""
    task = await begin(limit_power(site, watts))
    site.evse("enforced_limits", report)
    await outcome(task)


@pytest.mark.parametrize(
    ("hardware", "found"),
    [
        (HARDWARE, Range(1380.0, 22080.0)),
        (HARDWARE | {"min_phase_count_import": 3}, Range(4140.0, 22080.0)),
        (HARDWARE | {"max_phase_count_import": 1, "max_current_A_import": 16}, Range(1380, 3680)),
        ({}, Range(1380.0, 22080.0)),
    ],
)
def test_what_can_be_requested(hardware: dict[str, Any], found: Range) -> None:
    assert possible_power(hardware) == found


async def test_only_a_limits_module_takes_it() -> None:
    site = Site()
    site.info("Charging")
    site.evse("hw_capabilities", HARDWARE)
    assert Feature.MAX_POWER not in site.shown.capabilities.controls
    with pytest.raises(InvalidRequestError):
        await limit_power(site, 6900)
    site.publish(LIMITS, "limits_1", "heartbeat", 1)
    site.wait(5)
    assert Feature.MAX_POWER in site.shown.capabilities.controls
    with pytest.raises(OutOfRangeError):
        await limit_power(site, 1000)


async def test_the_power_that_is_given_confirms_it() -> None:
    site = charging()
    assert shown(site) == (None, None, 16.0, 16.0)
    task = await begin(limit_power(site, 6900))
    assert site.shown.pending == {Feature.MAX_POWER: 6900}
    [message] = site.asked("set_external_limits")
    [entry] = message["schedule_import"]
    assert entry["limits_to_leaves"] == {"total_power_W": {"value": 6900, "source": OURS}}
    # An earlier report does not contain it.
    site.evse("enforced_limits", holding(16.0))
    assert not task.done()
    site.evse("enforced_limits", given(10.0000001, OURS))
    await outcome(task)
    assert shown(site) == (6900.0, 6900.0, 10.0, 10.0)
    assert site.shown.requested.limits == {Feature.MAX_POWER: 6900}
    # The same again needs no message.
    site.take()
    await limit_power(site, 6900)
    assert not site.hub.sent


async def test_a_station_that_does_not_report_it_has_not_confirmed_it() -> None:
    site = charging()
    task = await begin(limit_power(site, 6900))
    for _ in range(11):
        site.wait(1)
        site.evse("enforced_limits", holding(16.0))
    with pytest.raises(CommandTimeoutError):
        await outcome(task)
    assert not site.shown.requested.limits


async def test_all_that_was_set_goes_along() -> None:
    site = charging()
    await set_power(site, 6900, given(10.0, OURS))
    task = await begin(split(site, "1"))
    site.evse("enforced_limits", given(16.0, FUSE, 1))
    await outcome(task)
    task = await begin(limit(site, 12))
    site.evse("enforced_limits", given(12.0, OURS, 1))
    await outcome(task)
    await set_power(site, 2300, given(10.0, OURS, 1))
    assert ordered(site) == [
        {"total_power_W": 6900},
        # The 10 A that follow from the power were not requested.
        {"total_power_W": 6900, "ac_max_phase_count": 1},
        {"total_power_W": 6900, "ac_max_phase_count": 1, "ac_max_current_A": 12},
        {"total_power_W": 2300, "ac_max_phase_count": 1, "ac_max_current_A": 12},
    ]
    assert shown(site) == (2300.0, 2300.0, 12.0, 10.0)
    site.take()
    await site.node().withdraw_limits()
    assert [each["schedule_import"] for each in site.asked("set_external_limits")] == [[]]


async def test_the_stricter_of_our_limits_hides_the_other() -> None:
    site = charging()
    task = await begin(limit(site, 12))
    site.evse("enforced_limits", holding(12.0, OURS))
    await outcome(task)
    await set_power(site, 6900, given(10.0, OURS))
    assert shown(site) == (6900.0, 6900.0, 12.0, 10.0)
    task = await begin(limit(site, 8))
    site.evse("enforced_limits", given(10.0, OURS))
    assert not task.done()
    site.evse("enforced_limits", given(8.0, OURS))
    await outcome(task)
    assert shown(site) == (6900.0, 5520.0, 8.0, 8.0)
    # A raise behind the lower current shows in nothing: reports of after the former command count.
    task = await begin(limit_power(site, 9000))
    for _ in range(4):
        site.wait(1)
        site.evse("enforced_limits", given(8.0, OURS))
    await outcome(task)
    assert shown(site) == (9000.0, 5520.0, 8.0, 8.0)
    # None of them was overridden.
    for _ in range(70):
        site.wait(1)
        site.evse("enforced_limits", given(8.0, OURS))
    assert site.shown.requested.limits == {Feature.MAX_CURRENT: 8, Feature.MAX_POWER: 9000}


async def test_a_raise_is_not_confirmed_by_the_lower_limit_of_before() -> None:
    site = charging()
    await set_power(site, 4830, given(7.0, OURS))
    task = await begin(limit_power(site, 6900))
    site.evse("enforced_limits", given(7.0, OURS))
    assert not task.done()
    site.evse("enforced_limits", given(10.0, OURS))
    await outcome(task)


async def test_somebody_else_may_be_stricter() -> None:
    site = charging()
    await set_power(site, 6900, given(8.0, "dso"))
    assert shown(site) == (6900.0, 5520.0, 8.0, 8.0)
    site.wait(5)
    site.evse("enforced_limits", NOTHING)
    assert shown(site) == (6900.0, 0.0, 0.0, 0.0)
    # Higher than ours: another client has replaced it, and after a minute it is not ours.
    site.evse("enforced_limits", holding(16.0))
    assert shown(site) == (None, None, 16.0, 16.0)
    for _ in range(62):
        site.wait(1)
        site.evse("enforced_limits", holding(16.0))
    assert not site.shown.requested.limits


async def test_the_measured_voltage_does_not_change_what_the_station_has_converted() -> None:
    """It converts with the nominal voltage; a limit of 8 A would never be confirmed otherwise."""
    site = charging()
    lines = dict.fromkeys(("L1", "L2", "L3"), 238.0)
    site.evse("powermeter", {"energy_Wh_import": {"total": 1.0}, "voltage_V": lines})
    await set_power(site, 6900, given(10.0, OURS))
    task = await begin(limit(site, 8))
    site.evse("enforced_limits", given(8.0, OURS))
    await outcome(task)
    assert shown(site) == (6900.0, 5520.0, 8.0, 8.0)


async def test_after_a_restart_of_the_station_it_is_set_again() -> None:
    site = charging(replace(UNTHROTTLED, restore_limits=True))
    site.evse("heartbeat", 100)
    await set_power(site, 6900, given(10.0, OURS))
    site.take()
    site.evse("heartbeat", 0)
    assert ordered(site) == [{"total_power_W": 6900}]
    site.evse("enforced_limits", given(10.0, OURS))
    site.wait(3)
    site.evse("enforced_limits", given(10.0, OURS))
    assert ordered(site) == [{"total_power_W": 6900}]
    assert site.shown.max_power == 6900


def test_it_is_stored() -> None:
    stored = StoredRequests(requested=Requested(limits={"max_power": 6900.0})).to_storage()
    assert StoredRequests.from_storage(stored).requested.max_power == 6900


def test_which_power_is_ours() -> None:
    assert enforced(given(10.0, OURS), "limits_1").ours == Limits(
        max_current=10.0, max_power=6900.0
    )
    assert enforced(given(10.0, OURS), "limits_2").ours == Limits()
    assert enforced(given(10.0, OURS)).modules == {"limits_1"}
