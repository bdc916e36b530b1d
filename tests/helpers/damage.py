"""Where stored data can be damaged, and how."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any


def places(value: Any, *place: Any) -> Iterator[tuple[Any, ...]]:
    """Yield where a value can be damaged: every field and item of it, and of these."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, each in items:
        yield (*place, key)
        yield from places(each, *place, key)


def put(data: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of `data` with another value at a place."""
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
