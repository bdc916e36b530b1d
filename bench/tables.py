"""The figures of `bench.compare` as Markdown."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
import statistics

from .results import Results
from .scenarios import FIGURES, Figures
from .targets import TARGETS

#: The markers between which the tables of a file are written.
BEGIN, _END = "<!-- bench: begin -->", "<!-- bench: end -->"


def medians(runs: list[Figures]) -> dict[str, tuple[float, float]]:
    """Return the median of each figure, and its spread as a share of that."""
    found = {}
    for key in FIGURES:
        if values := [run[key] for run in runs if key in run]:
            middle = statistics.median(values)
            found[key] = middle, (max(values) - min(values)) / middle if middle else 0.0
    return found


def table(
    found: Mapping[str, Mapping[str, tuple[float, float]]], incomplete: Collection[str] = ()
) -> str:
    """Return the figures of each program as Markdown; figures of `incomplete` ones are missing."""
    kinds = list(found)
    lines = ["| | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for key, (name, unit) in FIGURES.items():
        if any(key in each for each in found.values()):
            cells = (_cell(found[kind].get(key), unit, kind in incomplete) for kind in kinds)
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: tuple[float, float] | None, unit: str, is_incomplete: bool) -> str:  # noqa: FBT001
    if value is None:
        return "not measured" if is_incomplete else "-"
    return f"{value[0]:.4g} {unit} ±{value[1] / 2:.0%}".replace("  ", " ")


def targets(results: Results) -> str:
    """Return the targets of the measured figures, as Markdown."""
    lines = ["| target | median | lowest to highest | | |", "|---|---|---|---|---|"]
    for target in TARGETS:
        if not all(results.is_planned(*each) for each in target.needed):
            continue
        limit = f"{'≥' if target.at_least else '≤'} {target.limit:g}"
        if values := target.measured(results):
            middle = statistics.median(values)
            is_met = middle >= target.limit if target.at_least else middle <= target.limit
            lines.append(
                f"| {target.text} | {middle:.5g} | {min(values):.3g} to {max(values):.3g} "
                f"| {limit} | {'met' if is_met else '**missed**'} |"
            )
        else:
            reasons = filter(None, (results.reason(*each) for each in target.needed))
            reason = next(reasons, "no figure")
            lines.append(f"| {target.text} | not measured | {reason} | {limit} | |")
    return "\n".join(lines)


def document(results: Results, notes: Sequence[str]) -> str:
    """Return all tables, with `notes` on how they came about, as Markdown."""
    parts = ["\n".join(f"* {note}" for note in notes), "### Targets", targets(results)]
    for title, rounds in results.rounds.items():
        problems = results.problems.get(title, {})
        incomplete = {kind for kind, found in rounds.items() if kind in problems or not found}
        reasons = [
            f"* {kind}: not measured in {each}" for kind in problems for each in problems[kind]
        ]
        reasons += [f"* {kind}: not measured, not reached" for kind in rounds if not rounds[kind]]
        parts.append(f"### {title}")
        if any(any(found) for found in rounds.values()):
            measured = {kind: medians(found) for kind, found in rounds.items()}
            parts.append(table(measured, incomplete))
        if reasons:
            parts.append("\n".join(reasons))
    return "\n\n".join(parts)


def outside(file: Path) -> tuple[str, str]:
    """Return the text before and after the tables of a file, with the markers.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file has no markers.

    """
    before, begin, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        message = f"{file} has no {BEGIN} followed by {_END}"
        raise ValueError(message)
    return before + begin, end + after


def write(file: Path, text: str) -> None:
    """Replace the text between the markers of a file.

    Raises:
        OSError: the file cannot be read or written.
        ValueError: the file has no markers.

    """
    before, after = outside(file)
    file.write_text(f"{before}\n{text}\n{after}", encoding="utf-8")
