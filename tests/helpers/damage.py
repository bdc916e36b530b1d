"""Damages stored data systematically."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any


def places(value: Any, *place: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all fields and items in a value, recursively."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield (*place, key)
        yield from places(item, *place, key)


def put(data: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of `data` with `value` at a path; `...` deletes the item."""
    data = deepcopy(data)
    *above, last = place
    inner = data
    for key in above:
        inner = inner[key]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return data
