"""Reading our files, whatever state they are in: none of them may keep us from starting."""

import logging
import os
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .chargepoint.stored import lost

_LOGGER = logging.getLogger(__name__)

#: More names help nobody.
_NAMES_MAX = 10


async def async_load[T: (dict[str, Any], list[Any])](
    hass: HomeAssistant, store: Store[T], kind: type[T]
) -> T:
    """Return what is stored, empty if there is nothing that can be read.

    A file that cannot be read is set aside under another name, for whoever wants to look.
    What is in the one that can be, nobody has checked.
    """
    try:
        # What is not JSON is set aside here already, and reported.
        data: Any = await store.async_load()
    except Exception as error:  # noqa: BLE001
        # A newer version, a field of Home Assistant's own that is missing, an unreadable disk.
        problem = repr(error)
    else:
        if data is None:
            return kind()
        if isinstance(data, kind):
            return data
        problem = f"a {type(data).__name__} is in it"
    aside = f"{store.path}.unreadable.{dt_util.utcnow().isoformat()}"
    _LOGGER.error("Cannot read %s (%s): it is set aside as %s", store.path, problem, aside)
    try:
        await hass.async_add_executor_job(os.rename, store.path, aside)
    except OSError as error:
        _LOGGER.error("Cannot set it aside: %s", error)  # noqa: TRY400
    return kind()


def report_lost(what: str, before: Any, after: Any) -> None:
    """Say which parts of `before`, as it was read from a file, are not in `after`."""
    if names := sorted(lost(before, after)):
        shown = ", ".join(names[:_NAMES_MAX])
        _LOGGER.warning("A part of %s cannot be read and is lost: %s", what, shown)
