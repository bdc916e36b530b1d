"""Runs the fault suite and writes its table to `docs/reliability.md`.

    bench/faults                  once
    bench/faults --times 20       so many times; the table has the median and the worst of all
    bench/faults --restarts 100   only one fault: the broker is restarted so often in a row

The suite itself is `tests/faults/`, part of `scripts/test --all`. Rows of faults that are not part
of this run stay as they are.
"""

import argparse
from collections import defaultdict
import json
import os
from pathlib import Path
from statistics import median
import subprocess
import sys
from tempfile import TemporaryDirectory

_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / "docs" / "reliability.md"
_BEGIN, _END = "<!-- faults: begin -->", "<!-- faults: end -->"


def table(lines: list[str], known: dict[str, str]) -> str:
    """Return the table of what the suite has reported, a line of JSON each, and the known rows."""
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for line in lines:
        row = json.loads(line)
        seconds[row["fault"], row["asserted"]].append(row["seconds"])
    found = {
        fault: f"| {fault} | {asserted} | {median(times):.1f} s | {max(times):.1f} s |"
        for (fault, asserted), times in seconds.items()
    }
    heading = ("| Fault | Checked afterwards | Median | Worst |", "|---|---|---|---|")
    return "\n".join((*heading, *(known | found).values()))


def known_rows(page: str) -> dict[str, str]:
    """Return the rows of the table in the page, by fault."""
    _, _, rest = page.partition(_BEGIN)
    lines = [line for line in rest.partition(_END)[0].splitlines() if line.startswith("| ")]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines[1:]}


def main() -> int:
    """Run with the options of the command line."""
    parser = argparse.ArgumentParser(prog="bench/faults", description=__doc__)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--restarts", type=int, help="how often the broker is restarted in a row")
    options = parser.parse_args()
    arguments, environment = ["tests/faults"], dict(os.environ)
    if options.restarts is not None:
        environment["FAULTS_RESTARTS"] = str(options.restarts)
        arguments += ["-k", f"started and {options.restarts} and times", "--timeout=3600"]
    with TemporaryDirectory() as folder:
        report = Path(folder, "report")
        for _ in range(options.times):
            result = subprocess.run(  # noqa: S603
                (sys.executable, "-m", "pytest", "-q", "--all", *arguments),
                cwd=_ROOT,
                env=environment | {"FAULTS_REPORT": str(report)},
                check=False,
            )
            if result.returncode:
                return result.returncode
        text = _PAGE.read_text()
        found = table(report.read_text().splitlines(), known_rows(text))
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _PAGE.write_text(f"{before}{_BEGIN}\n\n{found}\n\n{_END}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
