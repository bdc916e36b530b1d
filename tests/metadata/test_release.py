"""The parts of a release: versions that agree, HACS's file, the license, the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
import shlex
import shutil
import subprocess
import tomllib
from typing import Any
from zipfile import ZipFile

from PIL import Image
import pytest
import yaml  # type: ignore[import-untyped]

from .project import DOMAIN, INTEGRATION, ROOT, name, project_files, read_json

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
#: This one has no releases; it is identified by its branch.
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


# Releasing ----------------------------------------------------------------------------------

#: Stands in for GitHub: records requests, and answers that there is a release or a draft.
_GH = """#!/usr/bin/env python3
import json, os, pathlib, sys
folder = pathlib.Path(__file__).parent
with (folder / "calls").open("a") as calls:
    print(json.dumps(sys.argv[1:]), file=calls)
is_draft = (folder / "is_draft").read_text()
if sys.argv[2] == "view":
    print(is_draft)
    sys.exit(not is_draft)
"""


@dataclass
class _Repository:
    """A clone of the project's own repository, as far as a release needs it."""

    folder: Path
    bin: Path

    def git(self, *arguments: str) -> None:
        """Run git, as an invented user."""
        somebody = ("-c", "user.name=Eve", "-c", "user.email=eve@example.com")
        subprocess.run(["git", *somebody, *arguments], cwd=self.folder, check=True)  # noqa: S603, S607

    def write(self, version: str, changes: str) -> None:
        """Commit a version, and the text of the changelog."""
        manifest = self.folder / name(INTEGRATION / "manifest.json")
        text = re.sub(r'"version": ".*"', f'"version": "{version}"', manifest.read_text())
        manifest.write_text(text)
        (self.folder / "CHANGELOG.md").write_text(changes)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", version)

    def release(self, tag: str, *, is_draft: str = "") -> subprocess.CompletedProcess[str]:
        """Tag what was committed, and do what the workflow does then."""
        (self.bin / "is_draft").write_text(is_draft)
        self.git("tag", tag)
        (step,) = (
            step
            for job in _workflow(ROOT / ".github/workflows/release.yml")["jobs"].values()
            for step in job["steps"]
            if "run" in step
        )
        return subprocess.run(  # noqa: S603
            ["bash", "-c", step["run"]],  # noqa: S607
            cwd=self.folder,
            env=os.environ | {"GITHUB_REF_NAME": tag, "PATH": f"{self.bin}:{os.environ['PATH']}"},
            check=False,
            capture_output=True,
            text=True,
        )

    @property
    def calls(self) -> list[Sequence[str]]:
        """The requests to GitHub, except for questions."""
        calls = self.bin / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [call for line in lines if (call := json.loads(line))[1] != "view"]


@pytest.fixture(name="repository")
def repository_fixture(tmp_path: Path) -> _Repository:
    """Return a clone without a tag."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    made = _Repository(tmp_path / "clone", tmp_path / "bin")
    for path in project_files():
        if path.is_relative_to(INTEGRATION) or path == ROOT / "scripts" / "release":
            copy = made.folder / name(path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    made.bin.mkdir()
    (made.bin / "gh").write_text(_GH)
    (made.bin / "gh").chmod(0o755)
    made.git("init", "--quiet")
    return made


_CHANGES = "# Changelog\n\n## Unreleased\n\nx\n\n## 1.2.0\n\n- Two things.\n\n## 1.1.9\n\ny\n"


def test_release_is_a_draft_until_it_has_its_archive(repository: _Repository) -> None:
    repository.write("1.2.0", _CHANGES)
    # Files that are not in the repository do not belong to it.
    (repository.folder / name(INTEGRATION) / "notes.txt").write_text("mine")
    done = repository.release("v1.2.0")
    assert done.returncode == 0, done.stdout + done.stderr
    archive = f"{DOMAIN}.zip"
    assert repository.calls == [
        [
            *("release", "create", "v1.2.0", "--draft", "--verify-tag", "--title", "1.2.0"),
            *("--notes", "\n- Two things.", archive),
        ],
        ["release", "edit", "v1.2.0", "--draft=false"],
    ]
    with ZipFile(repository.folder / archive) as file:
        files = {each for each in file.namelist() if not each.endswith("/")}
        assert json.loads(file.read("manifest.json"))["version"] == "1.2.0"
    assert files == {
        path.relative_to(INTEGRATION).as_posix()
        for path in project_files()
        if path.is_relative_to(INTEGRATION)
    }


@pytest.mark.parametrize(
    ("version", "tag", "changes", "why"),
    [
        ("1.2.0", "v1.3.0", _CHANGES, "the version in manifest.json is 1.2.0"),
        ("1.2.0", "1.2.0", _CHANGES, "the version in manifest.json is 1.2.0"),
        ("1.2.1", "v1.2.1", _CHANGES, "CHANGELOG.md has no text"),
        ("1.2.1", "v1.2.1", f"{_CHANGES}\n## 1.2.1\n\n", "CHANGELOG.md has no text"),
    ],
)
def test_release_that_contradicts_itself(
    repository: _Repository, version: str, tag: str, changes: str, why: str
) -> None:
    repository.write(version, changes)
    done = repository.release(tag)
    assert done.returncode == 1
    assert why in done.stdout
    assert not repository.calls


def test_release_to_try_out(repository: _Repository) -> None:
    repository.write("1.2.0b1", _CHANGES.replace("1.2.0", "1.2.0b1"))
    assert repository.release("v1.2.0b1").returncode == 0
    assert "--prerelease" in repository.calls[0]


def test_release_that_is_out_is_never_changed(repository: _Repository) -> None:
    repository.write("1.2.0", _CHANGES)
    done = repository.release("v1.2.0", is_draft="false")
    assert done.returncode == 1
    assert "released already" in done.stdout
    assert not repository.calls


def test_draft_of_a_run_that_broke_off_is_replaced(repository: _Repository) -> None:
    repository.write("1.2.0", _CHANGES)
    assert repository.release("v1.2.0", is_draft="true").returncode == 0
    assert [call[1] for call in repository.calls] == ["delete", "create", "edit"]


def test_our_own_changelog_can_be_released(repository: _Repository) -> None:
    version = read_json(INTEGRATION / "manifest.json")["version"]
    repository.write(version, (ROOT / "CHANGELOG.md").read_text())
    done = repository.release(f"v{version}")
    assert done.returncode == 0, done.stdout
    notes = repository.calls[0][repository.calls[0].index("--notes") + 1]
    assert len(notes) > 100
    assert "##" not in notes


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
        if "run" in step
    ]
    assert commands
    for command in commands:
        assert "\n" not in command, "steps of more than one line are scripts"
        assert os.access(ROOT / shlex.split(command)[0], os.X_OK), command


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
