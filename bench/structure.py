"""How large and how entangled the integration is, in figures that may only get better.

    bench/structure
    bench/structure --json FILE     also what each figure is made of

The source is read, and a real Home Assistant gets one power report of a FIMP charge point
and one press of its charge switch. `tests/metadata/test_structure.py` and
`tests/integration/test_structure.py` hold each figure against its ceiling: whoever gets one
lower lowers the ceiling, too.

How long the tests take is not measured here, since it depends on the machine. Take it of
each of the commands that CONTRIBUTING.md names, with nothing else running:

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
    """A figure that is to become smaller; no target where small is no aim in itself."""

    key: str
    name: str
    ceiling: int
    target: int | None = None


#: Of the code as it is written.
WRITTEN = (
    Figure("modules", "modules of the integration", 156),
    Figure("lines", "its lines of code", 14870, 10300),
    Figure("single_importer", "modules that one other module imports", 49),
    Figure("any", "times that something is Any", 644, 149),
    Figure("in_circles", "modules in import circles, anywhere", 0, 0),
    Figure("library_modules", "modules of the library that its user imports", 29, 4),
    Figure("library_names", "names that it imports from them", 107),
)
#: Of what happens when it runs.
RUNNING = (
    Figure("report_modules", "modules that one power report runs through", 20, 18),
    Figure("report_calls", "functions that it enters, each time counted", 64, 150),
    Figure("press_modules", "modules that turning the switch off runs through", 17, 18),
    Figure("press_functions", "functions that it enters before the message leaves", 33, 60),
    Figure("press_calls", "the same, each time counted", 36),
    Figure("listeners", "listeners to a charge point beside its entities", 3, 5),
)


def amount(found: Any) -> int:
    """Return the figure: the sum of numbers, or how many there are of anything else."""
    match found:
        case Mapping():
            return sum(found.values())
        case [list(), *_]:
            return sum(map(len, found))
    return len(found)


def table(found: Mapping[str, Any], figures: Iterable[Figure] = (*WRITTEN, *RUNNING)) -> str:
    """Return the figures beside their ceilings and targets."""
    rows = [("", "today", "ceiling", "target")]
    for each in figures:
        target = "" if each.target is None else str(each.target)
        rows.append((each.name, str(amount(found[each.key])), str(each.ceiling), target))
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        name.ljust(width) + "".join(cell.rjust(9) for cell in cells) for name, *cells in rows
    )


def main() -> int:
    """Measure everything, and print the table."""
    parser = argparse.ArgumentParser(
        prog="bench/structure",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write what each figure is made of"
    )
    arguments = parser.parse_args()
    # They take seconds, and are of no use to --help and to who only wants the table above.
    from . import hops, source  # noqa: PLC0415
    from .home import broker  # noqa: PLC0415

    logging.basicConfig(level=logging.ERROR)
    found = source.measure()
    with broker() as port:
        found |= asyncio.run(hops.measure(port))
    print(table(found))
    if arguments.json is not None:
        report = {key: {"figure": amount(value), "made_of": value} for key, value in found.items()}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
