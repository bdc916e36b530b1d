"""The tables of `docs/everest.md` leave no channel out, and name entities that there are."""

import re

from tests.helpers.schemas import SCHEMAS, definitions

from .project import INTEGRATION, ROOT, read_json


def _rows() -> list[str]:
    text = (ROOT / "docs" / "everest.md").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.startswith("|")]


def test_every_channel_of_every_release_has_a_row() -> None:
    addresses = {
        message["address"] or ""
        for release in SCHEMAS
        for message in definitions(release)["evse_manager_consumer_API"]["messages"].values()
    }
    channels = set(re.findall(r"\b(?:m2e|e2m)/(\w+)", " ".join(addresses)))
    assert len(channels) > 30
    described = {name for row in _rows() for name in re.findall(r"`(\w+)`", row)}
    assert channels - described == set()


def test_entities_have_the_names_that_the_tables_say() -> None:
    entities = read_json(INTEGRATION / "translations" / "en.json")["entity"]
    # What has no name of ours has that of its device class.
    there = {"power", "temperature", "frequency", "plug", "charging"} | {
        str(entity.get("name")).lower()
        for platform in entities.values()
        for entity in platform.values()
    }
    named = {name.lower() for row in _rows() for name in re.findall(r"\*\*([^*]+)\*\*", row)}
    assert len(named) > 20
    assert named - there == set()
