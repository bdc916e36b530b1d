"""What the pages for users say, read as tables."""

from collections.abc import Iterator
import re
from typing import NamedTuple

from .project import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BOLD = re.compile(r"\*\*([^*]+)\*\*")


class Row(NamedTuple):
    """An entity in docs/what-you-get.md: for each protocol `yes`, `some` or `no`."""

    platform: str
    name: str
    fimp: str
    everest: str
    legacy: str
    remarks: str


def entities() -> Iterator[Row]:
    """Yield the entities of docs/what-you-get.md."""
    for line in (ROOT / "docs" / "what-you-get.md").read_text(encoding="utf-8").splitlines():
        cells = [each.strip() for each in line.strip("|").split("|")]
        if len(cells) == len(Row._fields) and _BOLD.search(cells[1]):
            platform, names, *rest = cells
            for name in _BOLD.findall(names):
                yield Row(platform, name, *rest)
