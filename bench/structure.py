"""Measures the size and the dependencies of the integration.

    bench/structure
    bench/structure --json FILE     also write the parts of each figure

Some figures are read from the source. For the others, a real Home Assistant receives one
power report of a FIMP charge point and turns its charge switch off. The tests
`tests/metadata/test_structure.py` and `tests/integration/test_structure.py` compare the
figures with the ceilings. If a figure decreases, lower its ceiling, too.

The duration of the tests depends on the machine and is not included:

    time scripts/test
"""

import argparse
import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import json
import logging
from pathlib import Path
import sys
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A figure that should decrease; without a target if smaller is not always better."""

    key: str
    name: str
    ceiling: int
    target: int | None = None


#: Read from the source.
WRITTEN = (
    Figure("modules", "modules of the integration", 161),
    Figure("lines", "lines of code of the integration", 19672, 10300),
    Figure("single_importer", "modules with a single importer", 47),
    Figure("any", "uses of Any", 61, 149),
    Figure("in_circles", "modules in import circles, in the project", 0, 0),
    Figure("library_modules", "library modules imported by the Home Assistant side", 4, 4),
    Figure("library_names", "names imported from them", 95),
)
#: Measured at run time.
RUNNING = (
    Figure("report_modules", "modules involved in a power report", 16, 18),
    Figure("report_calls", "function calls for a power report", 49, 150),
    Figure("press_modules", "modules involved in turning the switch off", 16, 18),
    Figure("press_functions", "functions called until the message is published", 35, 60),
    Figure("press_calls", "function calls until the message is published", 38),
    Figure("listeners", "listeners of a charge point, except entities", 2, 5),
)


def amount(found: Any) -> int:
    """Return the figure: the sum of numbers, or the number of items."""
    match found:
        case Mapping():
            return sum(found.values())
        case [list(), *_]:
            return sum(map(len, found))
    return len(found)


def table(found: Mapping[str, Any], figures: Iterable[Figure] = (*WRITTEN, *RUNNING)) -> str:
    """Return the figures with their ceilings and targets."""
    rows = [("", "today", "ceiling", "target")]
    for each in figures:
        target = "" if each.target is None else str(each.target)
        rows.append((each.name, str(amount(found[each.key])), str(each.ceiling), target))
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        name.ljust(width) + "".join(cell.rjust(9) for cell in cells) for name, *cells in rows
    )


def main() -> int:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(
        prog="bench/structure",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write the parts of each figure"
    )
    arguments = parser.parse_args()
    # Importing them takes seconds, which --help and the tests do not need.
    from . import hops, source  # noqa: PLC0415
    from .home import broker  # noqa: PLC0415

    logging.basicConfig(level=logging.ERROR)
    found = source.measure()
    with broker() as process:
        found |= asyncio.run(hops.measure(process.port))
    print(table(found))
    if arguments.json is not None:
        report = {key: {"figure": amount(value), "made_of": value} for key, value in found.items()}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
