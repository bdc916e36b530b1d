"""Our own check of Home Assistant's quality scale, which only covers core integrations."""

from typing import Any

import pytest

from .project import HOME_ASSISTANT, INTEGRATION, read_yaml

#: Rules may be open, with the missing part as a comment.
_STATUSES = {"done", "exempt", "todo"}


def _rules(path: Any) -> dict[str, Any]:
    rules = read_yaml(path)["rules"]
    assert isinstance(rules, dict)
    return rules


@pytest.fixture
def rules() -> dict[str, Any]:
    """Return the status of each rule."""
    return _rules(INTEGRATION / "quality_scale.yaml")


def test_every_rule_is_there(rules: dict[str, Any]) -> None:
    known = {
        rule
        for path in (HOME_ASSISTANT / "components").glob("*/quality_scale.yaml")
        for rule in _rules(path)
    }
    assert known
    assert set(rules) == known


def test_everything_but_done_says_why(rules: dict[str, Any]) -> None:
    for rule, value in rules.items():
        status = value if isinstance(value, str) else value["status"]
        assert status in _STATUSES, rule
        if status != "done":
            assert len(value["comment"]) > len("why"), rule
