"""The manifest: what Home Assistant and hassfest demand of it."""

import ast
from importlib import metadata
import re

from homeassistant.const import Platform
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
import pytest

from .code import FILES, strings
from .project import (
    DOMAIN,
    HOME_ASSISTANT,
    INTEGRATION,
    ROOT,
    core_files,
    imports,
    name,
    parse,
    project_files,
    read_json,
)

MANIFEST = read_json(INTEGRATION / "manifest.json")
REQUIREMENTS = [Requirement(each) for each in MANIFEST["requirements"]]

_REQUIRED = {"domain", "name", "documentation", "codeowners", "iot_class", "version"}
#: A custom integration brings these along; those of Home Assistant do not have them.
_CUSTOM = {"version", "issue_tracker"}
_IOT_CLASSES = {
    "assumed_state",
    "calculated",
    "cloud_polling",
    "cloud_push",
    "local_polling",
    "local_push",
}
#: What hassfest lets everybody use without naming it.
_ALWAYS_THERE = {
    *map(str, Platform),
    "automation",
    "device_automation",
    "diagnostics",
    "homeassistant",
    "repairs",
    "system_health",
}
_TYPES = {"device", "entity", "hardware", "helper", "hub", "service", "system", "virtual"}


def test_nothing_required_is_missing() -> None:
    assert set(MANIFEST) >= _REQUIRED
    # HACS asks for it too.
    assert "issue_tracker" in MANIFEST


def test_every_key_is_one_that_home_assistant_knows() -> None:
    known = {key for manifest in core_files("manifest.json") for key in manifest}
    assert set(MANIFEST) - known <= _CUSTOM


def test_every_value_has_the_type_that_home_assistant_uses() -> None:
    for key, value in MANIFEST.items():
        if key not in _CUSTOM:
            types = {type(each[key]) for each in core_files("manifest.json") if key in each}
            assert type(value) in types, key


def test_keys_are_in_order() -> None:
    keys = list(MANIFEST)
    assert keys == ["domain", "name", *sorted(set(keys) - {"domain", "name"})]


def test_domain() -> None:
    assert MANIFEST["domain"] == DOMAIN == INTEGRATION.name
    assert re.fullmatch(r"[a-z0-9_]+", DOMAIN)


def test_no_integration_of_home_assistant_has_our_domain() -> None:
    assert not (HOME_ASSISTANT / "components" / DOMAIN).exists()


def test_addresses_are_of_one_repository_of_a_code_owner() -> None:
    """A code owner is a user, whom GitHub and Home Assistant can mention."""
    repository = MANIFEST["documentation"]
    owner = re.fullmatch(rf"https://github\.com/([\w-]+)/{DOMAIN}", repository)
    assert owner is not None
    assert MANIFEST["issue_tracker"] == f"{repository}/issues"
    assert f"@{owner[1]}" in MANIFEST["codeowners"]


def test_every_file_names_the_same_repository() -> None:
    named = re.compile(rf"github\.com(?:/|%2F)([\w-]+)(?:/|%2F){DOMAIN}\b")
    owners = {
        name(path): found
        for path in project_files()
        if path.suffix in {".json", ".md", ".py", ".toml", ".yaml", ".yml"}
        if (found := set(named.findall(path.read_text(encoding="utf-8"))))
    }
    owner = MANIFEST["documentation"].split("/")[-2]
    assert len(owners) > 1
    assert {file: found for file, found in owners.items() if found != {owner}} == {}


def test_values() -> None:
    assert MANIFEST["iot_class"] in _IOT_CLASSES
    assert MANIFEST["integration_type"] in _TYPES
    assert MANIFEST["codeowners"]
    assert all(re.fullmatch(r"@[\w-]{1,39}", each) for each in MANIFEST["codeowners"])
    assert str(Version(MANIFEST["version"])) == MANIFEST["version"]


def test_config_flow_is_there() -> None:
    assert MANIFEST["config_flow"] is True
    assert (INTEGRATION / "config_flow.py").is_file()


def test_dependencies_exist_and_come_once() -> None:
    first = MANIFEST.get("dependencies", [])
    later = MANIFEST.get("after_dependencies", [])
    assert len({*first, *later}) == len([*first, *later])
    for each in (*first, *later):
        assert (HOME_ASSISTANT / "components" / each / "manifest.json").is_file(), each


def test_everything_that_is_used_is_named() -> None:
    """Hassfest finds "Using component X but it's not in dependencies or after_dependencies"."""
    named = {*MANIFEST.get("dependencies", []), *MANIFEST.get("after_dependencies", [])}
    used = {
        module.split(".")[2]
        for path in FILES
        for _, module in imports(path)
        if module.startswith("homeassistant.components.")
    }
    assert used
    assert used <= named | _ALWAYS_THERE


def test_yaml_is_refused_where_there_is_something_to_set_up() -> None:
    top = {
        target.id
        for node in parse(INTEGRATION / "__init__.py").body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    functions = strings(INTEGRATION / "__init__.py")
    assert ("async_setup" in functions) <= ("CONFIG_SCHEMA" in top)


# Requirements: hassfest refuses those that could break Home Assistant itself. -----------------


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_requirement_is_not_one_of_home_assistant_itself(requirement: Requirement) -> None:
    own = {
        canonicalize_name(Requirement(each).name)
        for each in metadata.requires("homeassistant") or ()
    }
    assert canonicalize_name(requirement.name) not in own


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_requirement_allows_what_home_assistant_pins(requirement: Requirement) -> None:
    constraints = (HOME_ASSISTANT / "package_constraints.txt").read_text().splitlines()
    pins = [line for line in constraints if line and not line.startswith(("#", "-"))]
    for manifest in core_files("manifest.json"):
        pins += manifest.get("requirements", [])
    pinned = {
        specifier.version
        for pin in map(Requirement, pins)
        if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
        for specifier in pin.specifier
        if specifier.operator == "=="
    }
    assert all(requirement.specifier.contains(each) for each in pinned), pinned
    # An exact version would conflict with the same package in another integration.
    assert not any(each.operator in {"==", "==="} for each in requirement.specifier)


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
@pytest.mark.parametrize("file", ["requirements_test.txt", "requirements_smoke.txt"])
def test_requirement_is_the_one_we_test_with(requirement: Requirement, file: str) -> None:
    lines = (ROOT / file).read_text().splitlines()
    tested = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert requirement in tested


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_installed_version_is_allowed(requirement: Requirement) -> None:
    assert requirement.specifier.contains(metadata.version(requirement.name))
