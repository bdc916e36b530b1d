"""The texts: hassfest's rules, and that code and texts ask for the same ones."""

from collections import Counter
from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any

from homeassistant import data_entry_flow
import probatio
import pytest

from custom_components.fimp_chargepoint.flow import schemas

from .code import FILES, all_strings, called, library_errors, strings, used_texts
from .project import INTEGRATION, leaves, read_json, translations

TEXTS = translations()
FOLDER = INTEGRATION / "translations"
LANGUAGES = sorted(path for path in FOLDER.glob("*.json") if path.stem != "en")

_NAME_WORDS_MAX = 3
_KEY = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_PLACEHOLDER = re.compile(r"{(\w+)}")
#: What stays the same, and as often, in every language: placeholders, and paragraphs and lists.
_KEPT = re.compile(r"{\w+}|\n(?:- )?")
#: Texts that are the same as in English, in every language and in one.
_SAME = {
    "all": frozenset({"{name}", "{detail}", "CSV", "EVSE", "EVerest", "L1", "L2", "L3"}),
    "de": frozenset({"Format", "Host", "Normal", "Port", "Problem", "Status", "Token"}),
    "nb": frozenset({"Data", "Format", "Normal", "Port", "Problem", "Status", "Token", "Type"}),
    "nl": frozenset({"Component", "Host", "Status", "Token", "Type"}),
    "sv": frozenset(
        {"Central", "Data", "Format", "Information", "Normal", "Port", "Prefix", "Problem"}
        | {"Status", "Token"}
    ),
}
_FORBIDDEN = {
    "an address": re.compile(r"\w+://|\bwww\."),
    "HTML": re.compile(r"</?\s*[a-zA-Z]"),
    "a placeholder in single quotes": re.compile(r"'{\w+}'"),
    "a space at an end": re.compile(r"\A\s|\s\Z"),
    "two spaces": re.compile(r"\S  +\S"),
    "a reference to another text": re.compile(r"\[%"),
}

#: Texts that Home Assistant asks for when these are called. The others it has itself.
_IMPLIED = {
    "_abort_if_unique_id_configured": {"already_configured"},
    "_async_abort_entries_match": {"already_configured"},
    "_abort_if_unique_id_mismatch": {"unique_id_mismatch"},
    "_async_handle_discovery_without_unique_id": {"already_configured"},
}
_FLOWS = ("config", "options")


def _flows() -> Iterator[dict[str, Any]]:
    """Yield the texts of every flow: config, options, subentries, repairs."""
    for name in _FLOWS:
        yield TEXTS.get(name, {})
    yield from TEXTS.get("config_subentries", {}).values()
    for issue in TEXTS.get("issues", {}).values():
        yield issue.get("fix_flow", {})


def _in_flows(section: str) -> set[str]:
    return {key for flow in _flows() for key in flow.get(section, {})}


def _forms() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every form, and every section of a form, with a name for it."""
    for flow in _flows():
        for step, form in flow.get("step", {}).items():
            yield step, form
            for name, section in form.get("sections", {}).items():
                yield f"{step}.{name}", section


# The texts themselves -----------------------------------------------------------------------


@pytest.mark.parametrize("path", [FOLDER / "en.json", *LANGUAGES], ids=lambda path: path.name)
def test_texts_are_allowed(path: Path) -> None:
    found = []
    for keys, text in leaves(read_json(path)):
        assert isinstance(text, str), keys
        assert text, keys
        found += [
            f"{'.'.join(keys)}: {what}"
            for what, pattern in _FORBIDDEN.items()
            if pattern.search(text)
        ]
        found += [f"{'.'.join(keys)}: {key!r}" for key in keys if not _KEY.fullmatch(key)]
    assert not found, "\n".join(found)


def test_every_language_is_there() -> None:
    assert {path.stem for path in LANGUAGES} == set(_SAME) - {"all"}


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.name)
def test_language_has_every_text(path: Path) -> None:
    """The same texts in the same order, so that files can be read side by side."""
    english, texts = dict(leaves(TEXTS)), dict(leaves(read_json(path)))
    missing = [".".join(keys) for keys in english if keys not in texts]
    assert not missing
    assert list(texts) == list(english)
    for keys, text in texts.items():
        where = ".".join(keys)
        assert Counter(_KEPT.findall(text)) == Counter(_KEPT.findall(english[keys])), where


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.name)
def test_language_is_not_english(path: Path) -> None:
    english, texts = dict(leaves(TEXTS)), dict(leaves(read_json(path)))
    equal = {text for keys, text in texts.items() if text == english.get(keys)}
    same = _SAME["all"] | _SAME[path.stem]
    assert not equal - same
    assert not _SAME[path.stem] - equal, "these are no longer the same"


@pytest.mark.parametrize("path", [FOLDER / "en.json", *LANGUAGES], ids=lambda path: path.name)
def test_file_is_written_as_it_is_read(path: Path) -> None:
    written = json.dumps(read_json(path), ensure_ascii=False, indent=2) + "\n"
    assert path.read_text(encoding="utf-8") == written


def test_every_field_is_described() -> None:
    for name, form in _forms():
        assert set(form.get("data", {})) == set(form.get("data_description", {})), name


def _fields(schema: probatio.Schema) -> tuple[set[str], dict[str, set[str]]]:
    """Return the names of a form's fields, and of those in each of its sections."""
    sections = {
        str(name): {str(each) for each in field.schema.schema}
        for name, field in schema.schema.items()
        if isinstance(field, data_entry_flow.section)
    }
    return {str(each) for each in schema.schema} - set(sections), sections


def test_every_form_has_its_texts() -> None:
    described = [
        (
            set(form.get("data_description", {})),
            {
                name: set(each["data_description"])
                for name, each in form.get("sections", {}).items()
            },
        )
        for _, form in _forms()
    ]
    found = {
        name: each for name, each in vars(schemas).items() if isinstance(each, probatio.Schema)
    }
    assert found
    for name, schema in found.items():
        assert _fields(schema) in described, name


def test_entity_names_are_short() -> None:
    for platform, entities in TEXTS["entity"].items():
        for key, texts in entities.items():
            words = str(texts.get("name", "")).split()
            assert len(words) <= _NAME_WORDS_MAX, f"{platform}.{key}"


def test_every_menu_option_is_named() -> None:
    for name, form in _forms():
        described = set(form.get("menu_option_descriptions", {}))
        assert described <= set(form.get("menu_options", {})), name


def test_every_issue_says_what_to_do() -> None:
    for key, issue in TEXTS.get("issues", {}).items():
        assert issue.get("title"), key
        assert ("description" in issue) != ("fix_flow" in issue), key


# Code and texts -----------------------------------------------------------------------------


def test_the_code_is_read() -> None:
    """The tests below are worth something."""
    sections = {each.section for each in used_texts()}
    assert {"device", "exceptions", "issues", "selector", "step", "error"} <= sections


def test_every_text_the_code_asks_for_is_there() -> None:
    missing = []
    for each in used_texts():
        if each.section in {"device", "exceptions", "issues", "selector"}:
            there = set(TEXTS.get(each.section, {}))
        else:
            there = _in_flows(each.section)
        if each.key not in there:
            missing.append(f"{each.where}: {each.section}.{each.key}")
    assert not missing, "\n".join(missing)


def test_every_text_that_home_assistant_asks_for_is_there() -> None:
    for function in called(*FILES):
        assert _IMPLIED.get(function, set()) <= _in_flows("abort"), function


def test_every_placeholder_of_an_exception_is_given() -> None:
    for each in used_texts():
        if each.section in {"exceptions", "issues"} and each.placeholders is not None:
            texts = [text for _, text in leaves(TEXTS[each.section][each.key])]
            needed = {name for text in texts for name in _PLACEHOLDER.findall(text)}
            assert needed == each.placeholders, f"{each.where}: {each.key}"


def test_the_errors_of_the_library_are_found() -> None:
    """The tests below are worth something."""
    found = {each.code for each in library_errors()}
    assert {"unsupported", "pause_refused", "bus_off", "mqtt_disabled", "no_reason"} <= found


def test_every_error_of_the_library_has_a_text() -> None:
    """And a text that can be filled in: with its values, and the name of the charge point."""
    for each in library_errors():
        text = TEXTS["exceptions"].get(each.code)
        assert text is not None, f"{each.where}: {each.code}"
        needed = set(_PLACEHOLDER.findall(text["message"]))
        assert needed - {"name"} == each.values, f"{each.where}: {each.code}"


@pytest.mark.parametrize("section", ["exceptions", "issues", "selector"])
def test_every_text_is_asked_for(section: str) -> None:
    unused = set(TEXTS.get(section, {})) - strings(*FILES)
    if section == "exceptions":
        unused -= {each.code for each in library_errors()}
    if section == "selector":
        # The fields of actions are described in a file of their own.
        described = (INTEGRATION / "services.yaml").read_text(encoding="utf-8")
        unused -= set(re.findall(r"translation_key: (\w+)", described))
    assert not unused


@pytest.mark.parametrize("section", ["abort", "error", "progress"])
def test_every_text_of_a_flow_is_asked_for(section: str) -> None:
    implied = {key for function in called(*FILES) for key in _IMPLIED.get(function, ())}
    unused = _in_flows(section) - strings(*FILES) - implied
    assert not unused


def test_every_step_is_there() -> None:
    names = strings(*FILES)
    assert {step for step in _in_flows("step") if f"async_step_{step}" not in names} == set()


def test_every_field_is_one_of_the_code() -> None:
    known = all_strings()
    for name, form in _forms():
        for kind in ("data", "menu_options", "sections"):
            assert set(form.get(kind, {})) <= known, f"{name}.{kind}"


def test_every_option_of_a_selector_is_one_of_the_code() -> None:
    # A word of the charge points.
    modes = set(TEXTS["entity"]["select"]["charging_mode"]["state"])
    for key, selector in TEXTS.get("selector", {}).items():
        assert set(selector["options"]) <= all_strings() | modes, key
