"""What a release is made of: versions that agree, HACS's file, the licence, the pictures."""

import re
import tomllib
from typing import Any

from PIL import Image
import pytest
import yaml  # type: ignore[import-untyped]

from .project import DOMAIN, INTEGRATION, ROOT, read_json

_HACS_KEYS = {
    "name": str,
    "content_in_root": bool,
    "country": list,
    "filename": str,
    "hacs": str,
    "hide_default_branch": bool,
    "homeassistant": str,
    "persistent_directory": str,
    "render_readme": bool,
    "zip_release": bool,
}
_WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
#: This one has no releases; the branch is the only name it goes by.
_FOLLOWED = {"home-assistant/actions/hassfest@master"}


# Versions and HACS --------------------------------------------------------------------------


def test_versions_agree() -> None:
    version = read_json(INTEGRATION / "manifest.json")["version"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == version
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert version in headings


def test_hacs_file() -> None:
    hacs = read_json(ROOT / "hacs.json")
    for key, value in hacs.items():
        assert isinstance(value, _HACS_KEYS[key]), key
    assert hacs["name"] == read_json(INTEGRATION / "manifest.json")["name"]
    assert hacs["zip_release"]
    assert hacs["filename"] == f"{DOMAIN}.zip"


def test_the_oldest_home_assistant_we_allow_is_the_one_we_test() -> None:
    from homeassistant.const import __version__ as tested  # noqa: PLC0415

    assert read_json(ROOT / "hacs.json")["homeassistant"] == tested


def test_licence_is_the_one_we_name() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_document_is_there(file: str) -> None:
    assert (ROOT / file).stat().st_size > 200


# Pictures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "size"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_icon(file: str, size: int) -> None:
    with Image.open(INTEGRATION / "brand" / file) as picture:
        assert picture.format == "PNG"
        assert picture.size == (size, size)
        assert picture.mode == "RGBA"
        # Round corners: the background shines through.
        assert picture.getchannel("A").getpixel((0, 0)) == 0


@pytest.mark.parametrize("name", ["logo", "dark_logo"])
def test_logo(name: str) -> None:
    brand = INTEGRATION / "brand"
    with (
        Image.open(brand / f"{name}.png") as small,
        Image.open(brand / f"{name}@2x.png") as big,
    ):
        assert 128 <= min(small.size) <= 256
        assert big.size == (small.width * 2, small.height * 2)
        for picture in (small, big):
            assert picture.mode == "RGBA"
            # Nothing but the picture: no empty border.
            assert picture.getbbox() == (0, 0, *picture.size)


def test_pictures_are_small() -> None:
    for path in (INTEGRATION / "brand").iterdir():
        assert path.suffix == ".png"
        assert path.stat().st_size < 100_000, path.name


# GitHub -------------------------------------------------------------------------------------


def _workflow(path: Any) -> dict[Any, Any]:
    workflow = yaml.safe_load(path.read_text())
    assert isinstance(workflow, dict)
    return workflow


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.name)
def test_workflow_may_do_only_what_it_says(path: Any) -> None:
    workflow = _workflow(path)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        allowed = {"contents": "write" if path.name == "release.yml" else "read"}
        assert job["permissions"] == allowed


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned(path: Any) -> None:
    for job in _workflow(path)["jobs"].values():
        for step in job["steps"]:
            if (action := step.get("uses")) and action not in _FOLLOWED:
                assert re.search(r"@[0-9a-f]{40}$", action)


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.name)
def test_commands_hold_no_text_from_outside(path: Any) -> None:
    for job in _workflow(path)["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")


def test_workflows_run_what_is_there() -> None:
    commands = [
        step["run"]
        for path in _WORKFLOWS
        for job in _workflow(path)["jobs"].values()
        for step in job["steps"]
        if "run" in step and re.fullmatch(r"[\w./-]+", step["run"])
    ]
    assert commands
    for command in commands:
        assert (ROOT / command).is_file(), command


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.y*ml")), ids=str)
def test_yaml_can_be_read(path: Any) -> None:
    assert yaml.safe_load(path.read_text())


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
        if path.name != "config.yml"
    ],
    ids=lambda path: path.name,
)
def test_issue_form(path: Any) -> None:
    form = yaml.safe_load(path.read_text())
    assert (
        {"name", "description", "body"}
        <= set(form)
        <= {
            "name",
            "description",
            "body",
            "labels",
            "title",
        }
    )
    fields = [each for each in form["body"] if each["type"] != "markdown"]
    names = [each["id"] for each in fields]
    assert len(names) == len(set(names))
    assert all(each["attributes"]["label"] for each in fields)
