"""What can be a level of a topic; names out of payloads may be anything."""

import re
from typing import TypeGuard

#: A broker hangs up on control characters and wildcards in a topic that is published to.
_LEVEL = re.compile(r"[^/+#\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]{1,200}")


def is_level(text: object) -> TypeGuard[str]:
    """Whether `text` is a string that can stand between two slashes of a topic."""
    return isinstance(text, str) and _LEVEL.fullmatch(text) is not None
