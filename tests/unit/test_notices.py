"""Warnings of a hub."""

import pytest

from custom_components.fimp_chargepoint.chargepoint import notices


@pytest.mark.parametrize("warning", notices.HubWarning.__subclasses__())
def test_each_warning_has_a_kind_of_its_own(warning: type[notices.HubWarning]) -> None:
    """Repair issues compare the kinds of all warnings that there are."""
    others = [each for each in notices.HubWarning.__subclasses__() if each is not warning]
    assert warning.kind
    assert warning.kind not in {each.kind for each in others}
