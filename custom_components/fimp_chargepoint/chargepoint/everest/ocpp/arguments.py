"""Checks the arguments of OCPP commands before anything is sent. Pure.

A text that is too long, or an extra key, may not only fail but terminate EVerest: its modules trust
each other, and pass on what they receive. So nothing is cut or corrected: invalid arguments are
refused.
"""

from collections.abc import Iterable
import re
from typing import Final

from ...errors import InvalidRequestError

#: OCPP's own limits, in characters, which are bytes in the station.
NAME_MAX: Final = 50
SECURITY_INFO_MAX: Final = 255
#: More than a station has.
NAMES_MAX: Final = 200
_INTEGER_MAX: Final = 2**31 - 1

#: OCPP's identifiers and short texts consist of printable ASCII.
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]*")
#: Characters that no text for people contains.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def name(text: object, what: str = "name") -> str:
    """Return an identifier: 1 to 50 printable characters, with nothing around them."""
    found = ascii_text(text, what, NAME_MAX)
    if not found or found != found.strip():
        raise InvalidRequestError("text_blank", field=what)
    return found


def names(given: Iterable[object], what: str = "name") -> list[str]:
    """Return identifiers, each once, in their order."""
    found = list(dict.fromkeys(name(each, what) for each in given))
    if len(found) > NAMES_MAX:
        raise InvalidRequestError("too_many_keys", maximum=NAMES_MAX)
    return found


def ascii_text(text: object, what: str, longest: int) -> str:
    """Return a text of printable ASCII, which may be empty."""
    found = any_text(text, what, longest)
    if not _PRINTABLE.fullmatch(found):
        raise InvalidRequestError("text_not_ascii", field=what)
    return found


def any_text(text: object, what: str, longest: int) -> str:
    """Return a text of any language, which may be empty; `longest` counts bytes."""
    if not isinstance(text, str):
        raise InvalidRequestError("not_text", field=what)
    if _CONTROL.search(text):
        raise InvalidRequestError("text_control", field=what)
    if len(text.encode()) > longest:
        raise InvalidRequestError("text_too_long", field=what, maximum=longest)
    return text


def identifier(number: object, what: str) -> int:
    """Return the number of an EVSE or a connector, which are counted from 1."""
    if type(number) is not int or not 1 <= number <= _INTEGER_MAX:
        raise InvalidRequestError("invalid_number", field=what)
    return number
