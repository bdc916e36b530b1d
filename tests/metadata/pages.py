"""The tables in the pages for users."""

from collections.abc import Iterator
import re
from typing import NamedTuple

from .project import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BOLD = re.compile(r"\*\*([^*]+)\*\*")


class Row(NamedTuple):
    """A row of docs/what-you-get.md; each protocol is `yes`, `some` or `no`."""

    platform: str
    name: str
    fimp: str
    everest: str
    legacy: str
    blue_current: str
    remarks: str


def entities() -> Iterator[Row]:
    """Yield the entities of docs/what-you-get.md."""
    for line in (ROOT / "docs" / "what-you-get.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == len(Row._fields) and _BOLD.search(cells[1]):
            platform, names, *rest = cells
            for name in _BOLD.findall(names):
                yield Row(platform, name, *rest)
