"""Copies of snapshots and meters, which each message makes."""

from dataclasses import replace

import pytest

from custom_components.fimp_chargepoint.chargepoint.grid import GridSnapshot
from custom_components.fimp_chargepoint.chargepoint.model import (
    ChargepointSnapshot,
    Copied,
    Identity,
    Meter,
    NodeSnapshot,
)
from custom_components.fimp_chargepoint.chargepoint.ocpp import OcppSnapshot
from custom_components.fimp_chargepoint.chargepoint.station import StationSnapshot

SNAPSHOTS = [ChargepointSnapshot, GridSnapshot, OcppSnapshot, StationSnapshot]
NAME = Identity(name="Garage")


@pytest.mark.parametrize("kind", SNAPSHOTS)
def test_a_copy_is_what_replace_makes(kind: type[NodeSnapshot]) -> None:
    snapshot = kind(identity=NAME)
    other = Identity(name="Carport")
    assert snapshot.with_(identity=other) == replace(snapshot, identity=other)
    assert snapshot.with_() == snapshot
    assert snapshot == kind(identity=NAME)


def test_a_copy_does_not_change_what_was_copied() -> None:
    meter = Meter(power=1.0)
    assert meter.with_(power=2.0).power == 2.0
    assert meter == Meter(power=1.0)


def test_a_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError):
        Meter().with_(nonsense=1.0)


@pytest.mark.parametrize("kind", [Meter, *SNAPSHOTS])
def test_nothing_is_left_behind_in_slots(kind: type[Copied]) -> None:
    """A copy has what is in the dict, and slots are not."""
    assert not any(getattr(each, "__slots__", ()) for each in kind.__mro__)


@pytest.mark.parametrize("kind", SNAPSHOTS)
def test_facts_differ_and_measurements_do_not(kind: type[NodeSnapshot]) -> None:
    snapshot = kind(identity=NAME)
    assert not snapshot.differs_beyond_measurements(kind(identity=NAME))
    assert snapshot.differs_beyond_measurements(snapshot.with_(identity=Identity(name="Carport")))
    if isinstance(snapshot, ChargepointSnapshot):
        assert not snapshot.differs_beyond_measurements(snapshot.with_(meter=Meter(power=1.0)))
