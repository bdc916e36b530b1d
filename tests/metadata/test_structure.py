"""The shape of the code may only get better: each figure has a ceiling (see `bench/`)."""

from typing import Any

import pytest

from bench.source import circles, code_lines, measure
from bench.structure import WRITTEN, Figure, amount, table


@pytest.fixture(name="found", scope="module")
def found_fixture() -> dict[str, Any]:
    """Read the source, once."""
    return measure()


@pytest.mark.parametrize("figure", WRITTEN, ids=lambda figure: figure.key)
def test_it_gets_no_worse(found: dict[str, Any], figure: Figure) -> None:
    assert amount(found[figure.key]) <= figure.ceiling, found[figure.key]


def test_every_figure_is_in_the_table(found: dict[str, Any]) -> None:
    lines = table(found, WRITTEN).splitlines()[1:]
    assert [line.split("  ")[0] for line in lines] == [figure.name for figure in WRITTEN]
    assert set(found) == {figure.key for figure in WRITTEN}


# The figures are what their names say ---------------------------------------------------------


_SOURCE = '''"""What it is.

And more of it.
"""

# Why.
TEXT = """one

three"""  # three lines


class A:
    """A class."""

    def f(self):
        """A function."""
        return (
            1
        )
'''


def test_lines_of_code() -> None:
    assert code_lines("") == 0
    assert code_lines(_SOURCE) == 3 + len(("class", "def", "return", "1", ")"))


def test_circles() -> None:
    graph = {
        "a": {"b", "e"},
        "b": {"c"},
        "c": {"a"},
        "d": {"a", "d2"},
        "d2": {"d"},
        "e": {"f"},
        "f": set[str](),
    }
    found = circles({module: frozenset(imports) for module, imports in graph.items()})
    assert found == [["a", "b", "c"], ["d", "d2"]]
