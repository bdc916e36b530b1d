"""Runs the fault suite and writes its table to `docs/reliability.md`.

    bench/faults              once
    bench/faults --times 20   so many times; the table has the median and the worst of all

The suite itself is `tests/faults/`, part of `scripts/test --all`.
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


def table(lines: list[str]) -> str:
    """Return the table of what the suite has reported, a line of JSON each."""
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for line in lines:
        row = json.loads(line)
        seconds[row["fault"], row["asserted"]].append(row["seconds"])
    rows = [
        "| Fault | Checked afterwards | Median | Worst |",
        "|---|---|---|---|",
        *(
            f"| {fault} | {asserted} | {median(times):.1f} s | {max(times):.1f} s |"
            for (fault, asserted), times in seconds.items()
        ),
    ]
    return "\n".join(rows)


def main() -> int:
    """Run with the options of the command line."""
    parser = argparse.ArgumentParser(prog="bench/faults", description=__doc__)
    parser.add_argument("--times", type=int, default=1)
    times = parser.parse_args().times
    with TemporaryDirectory() as folder:
        report = Path(folder, "report")
        for _ in range(times):
            result = subprocess.run(
                (sys.executable, "-m", "pytest", "-q", "--all", "tests/faults"),
                cwd=_ROOT,
                env=os.environ | {"FAULTS_REPORT": str(report)},
                check=False,
            )
            if result.returncode:
                return result.returncode
        found = table(report.read_text().splitlines())
    text = _PAGE.read_text()
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _PAGE.write_text(f"{before}{_BEGIN}\n\n{found}\n\n{_END}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
