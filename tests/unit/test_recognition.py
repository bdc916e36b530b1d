"""A hub that is not connected finds out what a message shows, and does nothing else."""

import pytest

from .fakes import OfflineHub

STATE = b'{"type":"evt.state.report","val_t":"string","val":"charging"}'
FIMP = "pt:j1/mt:evt/rt:dev/rn:easee/ad:1/sv:chargepoint/ad:3"
EVSE = "everest_api/1/evse_manager_consumer/evse_1/e2m/"
CONNECTORS = "everest_api/connectors"


@pytest.mark.parametrize(
    ("topic", "payload", "address"),
    [
        (FIMP, STATE, "fimp:site/easee/1/3"),
        (FIMP.replace("pt:j1/", "pt:j1c1/"), STATE, "fimp:site/easee/1/3"),
        (EVSE + "session_info", b'{"state":"Unplugged"}', "everest:site/evse_1"),
        (EVSE + "evse_id", b'"DE*1"', "everest:site/evse_1"),
        (CONNECTORS, b'["a/b","c","d"]', "everest_legacy:site/c"),
    ],
)
async def test_proof(topic: str, payload: bytes, address: str) -> None:
    hub = OfflineHub(prefixes=("site/",))
    node = hub.recognise(f"site/{topic}", payload)
    assert node is not None
    assert node.address == address
    # The root of the broker is another place.
    assert hub.recognise(topic, payload) is None

    assert hub.nodes == {}
    assert hub.sent == []
    hub.advance(hub.clock.time + 60)
    assert hub.nodes == {}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (FIMP, b"\xff"),
        (FIMP, b'{"type":"evt.state.report","val_t":"string","val":["charging"]}'),
        (FIMP.replace("mt:evt", "mt:cmd"), STATE),
        (EVSE + "evse_id", b"7"),
        (EVSE + "session_info/12345", b'{"state":"Unplugged"}'),
        (EVSE.replace("evse_1", "") + "evse_id", b'"DE*1"'),
        (CONNECTORS, b'{"connectors":["c"]}'),
        (CONNECTORS, b"["),
    ],
)
async def test_no_proof(topic: str, payload: bytes) -> None:
    hub = OfflineHub()
    assert hub.recognise(topic, payload) is None
    # It is not reported: this may be another broker.
    assert not hub.ignored
