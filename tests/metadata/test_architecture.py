"""Which parts of the project may import which others (see ARCHITECTURE.md)."""

import ast
import importlib
from pathlib import Path
import re

from homeassistant.const import Platform
import pytest

from .project import (
    DOMAIN,
    HOME_ASSISTANT_SIDE,
    INTEGRATION,
    LIBRARY,
    ROOT,
    SIMULATORS,
    imported,
    imports,
    name,
    parse,
    project_files,
    python_files,
)

PACKAGE = f"custom_components.{DOMAIN}"
#: The packages of the library that discover charge points.
PROTOCOLS = sorted(
    {
        LIBRARY / path.relative_to(LIBRARY).parts[0]
        for name in ("discovery.py", "protocol.py")
        for path in LIBRARY.glob(f"*/**/{name}")
    }
)
#: Modules that make entities: thin tables over the vocabulary of the library.
ENTITY_MODULES = sorted(
    path
    for path in HOME_ASSISTANT_SIDE
    if path.parent.name == "descriptions"
    or (
        path.parent == INTEGRATION
        and path.stem in {"controls", "entity", *(str(each) for each in Platform)}
    )
)

#: The public API of the library.
_PUBLIC = tuple(
    f"{PACKAGE}.{each}"
    for each in (
        "chargepoint",
        "chargepoint.errors",
        "chargepoint.model",
        "chargepoint.sessions",
    )
)
#: Entities use a node, not its hub or what the hub is made of.
_HIDDEN_FROM_ENTITIES = (
    "chargepoint.Clock",
    "chargepoint.MqttHub",
    "chargepoint.MqttSettings",
    "chargepoint.create_mqtt_hub",
    "flow",
)
_WORDS_OF_PROTOCOLS = re.compile(
    r"pt:j1|\b(cmd|evt)\.|everest_api|\b[me]2[me]\b|bluecurrent|/(rt|rn|sv|ad):", re.IGNORECASE
)
#: What developers use; nothing that is shipped, and no simulator, may need it.
_WORKSHOP = ("bench", "harness", "tests")
_LINES_MAX = 400


def _wrong(paths: list[Path], *forbidden: str) -> list[str]:
    """Return the lines in which some files import something forbidden."""
    return [
        f"{name(path)}:{line}: {module}"
        for path in paths
        for line, module in imports(path)
        if any(module == each or module.startswith(f"{each}.") for each in forbidden)
    ]


def test_the_parts_are_found() -> None:
    """The tests below are worth something."""
    assert {"fimp", "everest"} <= {path.name for path in PROTOCOLS}
    assert {"entity", "switch", "sensor"} <= {path.stem for path in ENTITY_MODULES}
    assert python_files(SIMULATORS)
    assert _wrong(HOME_ASSISTANT_SIDE, "homeassistant")
    assert _wrong(HOME_ASSISTANT_SIDE, f"{PACKAGE}.chargepoint")


def test_library_does_not_know_home_assistant() -> None:
    outside = {
        f"{PACKAGE}.{path.relative_to(INTEGRATION).parts[0].removesuffix('.py')}"
        for path in HOME_ASSISTANT_SIDE
        if path != INTEGRATION / "__init__.py"
    }
    files = python_files(LIBRARY)
    assert not _wrong(files, "homeassistant", "voluptuous", "probatio", *outside)


def test_library_imports_itself_by_relative_names() -> None:
    """It can move to a place of its own as it is."""
    for path in python_files(LIBRARY):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ImportFrom) and node.level:
                depth = len(path.parent.relative_to(LIBRARY).parts) + 1
                assert node.level <= depth, f"{name(path)}:{node.lineno}"
            elif isinstance(node, ast.ImportFrom):
                assert not str(node.module).startswith("custom_components"), name(path)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda path: path.name)
def test_protocol_does_not_know_the_others(protocol: Path) -> None:
    others = [f"{PACKAGE}.chargepoint.{each.name}" for each in PROTOCOLS if each != protocol]
    assert not _wrong(python_files(protocol), *others)


def test_core_of_the_library_does_not_know_the_protocols() -> None:
    """Only the package itself does, to put them together."""
    core = [
        path
        for path in python_files(LIBRARY)
        if path != LIBRARY / "__init__.py" and not set(path.parents) & set(PROTOCOLS)
    ]
    protocols = [f"{PACKAGE}.chargepoint.{each.name}" for each in PROTOCOLS]
    assert not _wrong(core, *protocols)


def test_one_module_knows_the_mqtt_library() -> None:
    files = python_files(ROOT / "custom_components")
    users = {each.partition(":")[0] for each in _wrong(files, "aiomqtt", "paho")}
    assert users == {name(LIBRARY / "transport/mqtt.py")}


def test_one_module_of_the_library_knows_the_websocket_library() -> None:
    users = {found.partition(":")[0] for found in _wrong(python_files(LIBRARY), "aiohttp")}
    assert users == {name(LIBRARY / "transport/websocket.py")}


def test_one_module_stores() -> None:
    """There are two files for each entry, and no entity restores what the library owns."""
    stores = ("homeassistant.helpers.storage", "homeassistant.helpers.restore_state")
    users = {each.partition(":")[0] for each in _wrong(python_files(INTEGRATION), *stores)}
    assert users == {name(INTEGRATION / "storage.py")}


def test_entities_do_not_know_protocols_or_transports() -> None:
    protocols = [f"{PACKAGE}.chargepoint.{each.name}" for each in PROTOCOLS]
    hidden = [f"{PACKAGE}.{each}" for each in _HIDDEN_FROM_ENTITIES]
    assert not _wrong(ENTITY_MODULES, *protocols, *hidden)
    for path in ENTITY_MODULES:
        modules = [
            node.lineno
            for node in ast.walk(parse(path))
            if isinstance(node, ast.Attribute) and node.attr == "transport"
        ]
        assert not modules, f"{name(path)}:{modules}"


def test_entities_do_not_know_each_other() -> None:
    platforms = [path for path in ENTITY_MODULES if path.stem in set(Platform)]
    for path in platforms:
        others = [f"{PACKAGE}.{each.stem}" for each in platforms if each != path]
        assert not _wrong([path], *others)


def test_entities_hold_no_word_of_a_protocol() -> None:
    found = [
        f"{name(path)}:{node.lineno}: {node.value!r}"
        for path in ENTITY_MODULES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _WORDS_OF_PROTOCOLS.search(node.value)
    ]
    assert not found


def test_home_assistant_side_uses_the_public_api() -> None:
    """A protocol or a transport may change without a change there."""
    private = [
        f"{name(path)}:{line}: {module}"
        for path in HOME_ASSISTANT_SIDE
        for line, module, _ in imported(path)
        if module.startswith(f"{PACKAGE}.chargepoint") and module not in _PUBLIC
    ]
    assert not private


@pytest.mark.parametrize("module", _PUBLIC)
def test_public_names_exist(module: str) -> None:
    public = importlib.import_module(module)
    assert not [each for each in getattr(public, "__all__", ()) if not hasattr(public, each)]


def test_simulators_and_integration_do_not_know_each_other() -> None:
    """Both are written from the protocol, so each can catch the mistakes of the other."""
    assert not _wrong(python_files(SIMULATORS), "custom_components", "homeassistant", *_WORKSHOP)
    assert not _wrong(python_files(ROOT / "custom_components"), "simulators", *_WORKSHOP)


def test_no_test_module_needs_another() -> None:
    """Code that several of them use is in a helper module, or in a conftest."""
    tests = python_files(ROOT / "tests")
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in tests]
    assert not _wrong(tests, *(each for each in modules if ".test_" in each))


def _has_unpinned_type_ignore(line: str) -> bool:
    return bool(re.search(r"#\s*type:\s*ignore(?!\[)", line))


def test_no_blanket_is_thrown_over_types() -> None:
    found = [
        f"{name(path)}:{number}"
        for path in python_files(ROOT / "custom_components", SIMULATORS)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _has_unpinned_type_ignore(line)
    ]
    assert not found


def test_no_file_does_two_jobs() -> None:
    """One that grows past this holds two jobs: find the seam. Tests may be longer."""
    long = {
        name(path): lines
        for path in project_files()
        if path.suffix == ".py" and not path.is_relative_to(ROOT / "tests")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > _LINES_MAX
    }
    assert not long
