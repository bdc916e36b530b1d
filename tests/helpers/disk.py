"""Home Assistant's files on a real disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
import pytest

#: What the test harness replaces, so that nothing is written to the disk.
_REAL = {name: getattr(Store, name) for name in ("_async_load", "_async_write_data")}


@contextmanager
def real_files(hass: HomeAssistant, folder: Path) -> Iterator[Path]:
    """Keep Home Assistant's files in a folder; return the one of its stored data."""
    hass.config.config_dir = str(folder)
    stored = folder / ".storage"
    stored.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        for name, method in _REAL.items():
            patch.setattr(Store, name, method)
        yield stored
