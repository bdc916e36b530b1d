"""The names of faults, as people read them."""

import pytest

from custom_components.fimp_chargepoint.entity import plain_words


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("evse_board_support/MREC5OverTemperature", "Over temperature (MREC 5)"),
        ("evse_manager/MREC4OverCurrentFailure", "Over current failure (MREC 4)"),
        ("generic/CommunicationFault", "Communication fault"),
        ("ac_rcd/DC", "DC"),
        ("RCDFault", "RCD fault"),
        ("OVER_TEMP_FAULT", "Over temp fault"),
        ("over_temp_fault", "Over temp fault"),
        ("CP_OTHER_ERROR", "CP other error"),
        ("RCD_TRIP_FAULT", "RCD trip fault"),
        ("PEN_FAULT", "PEN fault"),
        ("e42", "E42"),
        # It is a text already, or has no words.
        ("The relay is stuck", "The relay is stuck"),
        ("Überhitzt", "Überhitzt"),
        ("/", "/"),
    ],
)
def test_plain_words(fault: str, words: str) -> None:
    assert plain_words([fault]) == [words]
