"""Reads stored data: only damaged parts are lost, and unknown fields are kept.

A file can be older or newer than the code, edited manually, or damaged by a disk. A *reader*
returns the value of what was stored, and raises `DamagedError` if it cannot be read. Pure.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, NamedTuple, Self

from .readers import NUMBER_MAX, YEARS

type Reader[T] = Callable[[object], T]
type Readers = Mapping[str, Reader[object]]

#: We never store values beyond these.
_TEXT_MAX: Final = 255
_ITEMS_MAX: Final = 1000


class DamagedError(ValueError):
    """A stored value is invalid."""


class Fields(NamedTuple):
    """The fields of a stored object: those that could be read, and those of a newer version."""

    known: dict[str, Any]
    unknown: dict[str, Any]


def fields(value: object, readers: Readers, required: Collection[str] = ()) -> Fields:
    """Return the fields of an object; one that is missing, null or damaged is left out.

    Raises:
        DamagedError: it is not an object, or a `required` field is left out.

    """
    if not isinstance(value, dict):
        raise DamagedError("not an object")
    known: dict[str, Any] = {}
    for name, reader in readers.items():
        if value.get(name) is not None:
            with suppress(DamagedError):
                known[name] = reader(value[name])
    if missing := [name for name in required if name not in known]:
        raise DamagedError(f"without {', '.join(missing)}")
    return Fields(known, {name: each for name, each in value.items() if name not in readers})


def whole(value: object, readers: Readers, nullable: Collection[str] = ()) -> Fields:
    """Return the fields of an object that is useless if incomplete.

    Raises:
        DamagedError: it is not an object, or a field is missing, damaged, or null and not one
        of the `nullable`.

    """
    known, unknown = fields(value, readers, [name for name in readers if name not in nullable])
    for name in nullable:
        if name not in known and isinstance(value, dict) and value.get(name, ...) is not None:
            raise DamagedError(f"without {name}")
    return Fields(dict.fromkeys(nullable) | known, unknown)


def number(value: object) -> float:
    """Read a finite number, which may be stored as an integer; a bool is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DamagedError("not a number")
    if not abs(value) <= NUMBER_MAX:
        raise DamagedError("not a possible number")
    return float(value)


def text(value: object) -> str:
    """Read a text that is not empty."""
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_MAX:
        raise DamagedError("not a text")
    return value


def flag(value: object) -> bool:
    """Read a bool."""
    if not isinstance(value, bool):
        raise DamagedError("not a bool")
    return value


def timestamp(value: object) -> datetime:
    """Read an aware time in ISO 8601."""
    try:
        found = datetime.fromisoformat(text(value))
    except ValueError as error:
        raise DamagedError(str(error)) from error
    if found.tzinfo is None or found.year not in YEARS:
        raise DamagedError("not a possible time")
    return found


def one_of(*values: str) -> Reader[str]:
    """Return a reader of one of several values."""

    def read(value: object) -> str:
        if value not in values:
            raise DamagedError("not one of the words")
        return str(value)

    return read


def list_of[T](reader: Reader[T], most: int = _ITEMS_MAX) -> Reader[list[T]]:
    """Return a reader of a list: the last items, without those that are damaged."""

    def read(value: object) -> list[T]:
        if not isinstance(value, list):
            raise DamagedError("not a list")
        found: list[T] = []
        for each in value[-most:]:
            with suppress(DamagedError):
                found.append(reader(each))
        return found

    return read


def dict_of[T](reader: Reader[T]) -> Reader[dict[str, T]]:
    """Return a reader of an object with any names, without the values that are damaged."""

    def read(value: object) -> dict[str, T]:
        names = list(value)[-_ITEMS_MAX:] if isinstance(value, dict) else ()
        return fields(value, dict.fromkeys(names, reader)).known

    return read


def as_json(value: object) -> object:
    """Return the value of a field fit for JSON."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Stored):
        return value.to_storage()
    return str(value) if isinstance(value, StrEnum) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object that is stored field by field: those in `READERS`.

    It cannot be read without the `REQUIRED` fields. `unknown` are fields of a newer version.
    """

    READERS: ClassVar[Readers]
    REQUIRED: ClassVar[Collection[str]] = ()
    unknown: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    def known_fields(self) -> dict[str, object]:
        """Return the fields in `READERS`, fit for JSON."""
        return {name: as_json(getattr(self, name)) for name in self.READERS}

    def to_storage(self) -> dict[str, object]:
        """Return what `from_storage` reads, fit for JSON."""
        return {**self.unknown, **self.known_fields()}

    @classmethod
    def from_storage(cls, data: object) -> Self:
        """Read what `to_storage` returned; damaged fields are left out.

        Raises:
            DamagedError: it is not an object, or a required field is damaged.

        """
        known, unknown = fields(data, cls.READERS, cls.REQUIRED)
        return cls(**known, unknown=unknown)


def lost(before: object, after: object, name: str = "") -> Iterator[str]:
    """Yield the parts of `before` that are not in `after`, which was read from it and stored again.

    Names are joined by dots; items of a list have their number as name.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if value is not None:
                yield from lost(value, after.get(key), _below(name, key))
    elif isinstance(before, list) and isinstance(after, list):
        for index, value in enumerate(before):
            if value not in after:
                yield _below(name, str(index))
    elif before != after:
        yield name or "all of it"


def _below(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key
