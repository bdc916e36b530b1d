"""Home Assistant, charge points, a broker and a proxy in between."""

from tests.integration.conftest import (  # noqa: F401
    _enable,
    hass_fixture,
)
