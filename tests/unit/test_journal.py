"""The messages that the journal keeps, and its memory."""

from custom_components.fimp_chargepoint.chargepoint.errors import NotConnectedError
from custom_components.fimp_chargepoint.chargepoint.journal import Journal, Line, Mark

from .fakes import OfflineHub

_ADAPTER = "pt:j1/mt:evt/rt:ad/rn:easee/ad:1"


def texts(lines: tuple[Line, ...]) -> list[bytes]:
    return [each.payload for each in lines]


def test_the_last_messages_are_kept_in_full() -> None:
    journal = Journal(recent_max=3)
    for number in range(5):
        journal.add(float(number), "a", b"%d" % number)
    assert texts(journal.recent) == [b"2", b"3", b"4"]
    assert [each.at for each in journal.recent] == [2.0, 3.0, 4.0]


def test_of_what_is_pushed_out_the_last_of_each_kind_is_kept() -> None:
    """Identities and measurements come on one topic."""
    journal = Journal(recent_max=1)
    who = b'{"type": "evt.thing.inclusion_report", "val": 1}'
    journal.add(0.0, _ADAPTER, who)
    for number in range(10):
        journal.add(1.0, _ADAPTER, b'{"type":"evt.network.node_report","val":%d}' % number)
        journal.add(1.0, "m", b'{"type":"evt.meter.report","props":{"unit":"W"}}')
        journal.add(1.0, "m", b'{"type":"evt.meter.report","props":{"unit":"kWh"}}')
        journal.add(1.0, "everest_api/1/e2m/heartbeat", b"%d" % number)
    assert sorted(texts(journal.older)) == sorted(
        [
            who,
            b'{"type":"evt.network.node_report","val":9}',
            b'{"type":"evt.meter.report","props":{"unit":"W"}}',
            b'{"type":"evt.meter.report","props":{"unit":"kWh"}}',
            b"8",
        ]
    )
    # The order of all messages stays.
    assert journal.older[0].payload == who
    assert texts(journal.recent) == [b"9"]


def test_its_bytes_are_bounded() -> None:
    """A flood of large messages, on topics without end, costs twice the bound."""
    journal = Journal(bytes_max=10_000)
    for number in range(500):
        journal.add(float(number), f"topic/{number}", bytes(900))
    for lines in (journal.older, journal.recent):
        assert 5 < len(lines) < 12
        assert sum(len(each.topic) + len(each.payload) for each in lines) <= 10_000
    assert journal.recent[-1].topic == "topic/499"


def test_huge_message_is_cut_and_pushes_out_no_other() -> None:
    journal = Journal(bytes_max=100)
    journal.add(0.0, "a", b"small")
    journal.add(1.0, "a", bytes(200))
    journal.add(2.0, "a", b"small again")
    assert not journal.older
    assert texts(journal.recent) == [b"small", bytes(25), b"small again"]


def test_the_newest_of_a_kind_comes_first() -> None:
    journal = Journal(recent_max=2)
    for topic in ("1", "2", "3", "4"):
        journal.add(0.0, topic, mark=Mark.SENT)
    journal.add(0.0, "5")
    assert [each.topic for each in journal.newest(Mark.SENT)] == ["4", "3", "2", "1"]


def test_a_hub_writes_down_what_comes_and_how_its_link_is() -> None:
    hub = OfflineHub()
    hub.connection_made()
    hub.message("everest_api/1/evse_manager_consumer/a/e2m/evse_id", b'"x"', retained=False)
    hub.message("nobody/knows", b"1", retained=False)
    hub.message("nobody/knows", b"2", retained=True)
    hub.connection_lost(NotConnectedError("gone"))
    hub.connection_lost(NotConnectedError("still gone"))
    hub.connection_made()
    assert [(each.mark, each.payload or each.topic) for each in hub.journal.recent] == [
        (Mark.NOTE, "connected"),
        (Mark.PLAIN, b'"x"'),
        (Mark.STRAY, b"1"),
        (Mark.RETAINED, b"2"),
        (Mark.NOTE, "connection lost"),
        (Mark.NOTE, "connected"),
    ]
    assert hub.connections == 2
    assert str(hub.last_error) == "still gone"


def test_what_adapters_say_of_other_things_is_read_by_nobody() -> None:
    """It may be an account, or the whole house."""
    hub = OfflineHub()
    vinculum = "pt:j1/mt:evt/rt:app/rn:vinculum/ad:1"
    read = [
        (_ADAPTER, {"type": "evt.thing.inclusion_report", "val": {}}),
        (_ADAPTER, {"type": "evt.config.extended_report", "val": {"password": "x"}}),
        (_ADAPTER, b"nonsense"),
        (vinculum, {"type": "evt.pd7.notify", "val": {"component": "room", "id": 1}}),
        (vinculum, {"type": "evt.pd7.notify", "val": {"component": "house", "id": 1}}),
        (vinculum, {"type": "evt.pd7.notify", "val": None}),
        ("pt:j1/mt:evt/rt:dev/rn:x/ad:1/sv:chargepoint/ad:1", {"type": "evt.new.report"}),
    ]
    for topic, payload in read:
        hub.feed(topic, payload)
    assert [hub.reads(each) for each in hub.journal.recent] == [
        True,
        False,
        False,
        True,
        False,
        False,
        True,
    ]
