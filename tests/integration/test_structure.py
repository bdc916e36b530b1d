"""The calls for one message and one press may only decrease (see `bench/`)."""

from typing import Any

import pytest

from bench.hops import Hops, measure
from bench.structure import RUNNING, Figure, amount
from custom_components.fimp_chargepoint.chargepoint.journal import Journal
from custom_components.fimp_chargepoint.chargepoint.transport.topics import is_level
from tests.broker import BrokerProcess


async def test_it_gets_no_worse(broker: BrokerProcess) -> None:
    found = await measure(broker.port)
    assert set(found) == {figure.key for figure in RUNNING}

    def excess(figure: Figure) -> Any:
        return found[figure.key] if amount(found[figure.key]) > figure.ceiling else None

    assert not {each.key: what for each in RUNNING if (what := excess(each))}
    # A figure that is too good: the counted code no longer runs there.
    assert "chargepoint/hub.py: Hub.message" in found["report_calls"]
    assert "chargepoint/transport/mqtt.py: MqttTransport.publish" in found["press_calls"]


def test_only_the_integration_counts() -> None:
    hops = Hops()
    with hops.counted():
        pytest.approx(1)
        is_level("a")
        is_level("b")
    is_level("c")
    assert hops.functions == {"chargepoint/transport/topics.py: is_level": 2}


def test_counting_ends_where_it_is_told() -> None:
    hops = Hops()
    journal = Journal()
    with hops.counted(last=Journal.add.__code__):
        is_level("a")
        journal.add(0.0, "topic")
        is_level("b")
    assert hops.modules == ["chargepoint/journal.py", "chargepoint/transport/topics.py"]
    assert sum(hops.functions.values()) == len(("is_level", "add"))
