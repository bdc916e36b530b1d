"""Why a transaction ended: every word of every release, and unknown words."""

import orjson
import pytest

from custom_components.fimp_chargepoint.chargepoint.everest.status import end_reason
from custom_components.fimp_chargepoint.chargepoint.model import Status
from tests.helpers.recordings import RECORDINGS

from .everest_site import Site
from .live import Live

RELEASES = ("2025.10.0", "2026.02.1", "main")


@pytest.mark.parametrize("release", RELEASES)
def test_every_word_of_a_release_is_known(release: str) -> None:
    schemas = orjson.loads((RECORDINGS / "everest" / "schemas" / f"{release}.json").read_bytes())
    words = schemas["evse_manager_consumer_API"]["$defs"]["StopTransactionReason"]["enum"]
    assert len(words) > 15
    assert [word for word in words if end_reason(word) is None] == []


def test_an_unknown_word_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    site = Site()
    site.info("Charging")
    for _ in range(2):
        site.event("TransactionFinished", transaction_finished={"reason": "SolarEclipse"})
    assert site.shown.status is Status.FINISHED
    assert site.shown.session.end_reason is None
    assert caplog.text.count("unknown end reason 'SolarEclipse'") == 1


@pytest.mark.parametrize(
    ("t", "word"), [(72.0, "remote"), (104.1, "evse_disabled"), (130.0, "local")]
)
async def test_the_words_of_a_real_station(t: float, word: str) -> None:
    live = Live("enable_unlock_faults.jsonl", "everest:evse_manager_api", begin=t - 15)
    await live.until(t)
    assert live.shown.session.end_reason == word
