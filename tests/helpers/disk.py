"""Home Assistant's files on a real disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from typing import Any, NoReturn

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import file
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


@contextmanager
def full_disk() -> Iterator[list[str]]:
    """Let every write of Home Assistant's files fail; return the modes of those that failed."""
    failed: list[str] = []
    real = file.tempfile.NamedTemporaryFile

    def full(**arguments: Any) -> Any:
        made = real(**arguments)

        def refuse(_: object) -> NoReturn:
            failed.append(arguments["mode"])
            raise OSError(ENOSPC, "No space left on device")

        made.write = refuse
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file.tempfile, "NamedTemporaryFile", full)
        yield failed
