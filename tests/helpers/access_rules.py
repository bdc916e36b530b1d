"""The access rules of docs/setup.md, for a real broker."""

from pathlib import Path
import re

_PAGE = Path(__file__).parents[2] / "docs" / "setup.md"
#: The user of the integration in the rules.
USER = "homeassistant"


def access_rules(folder: Path) -> str:
    """Return lines for mosquitto.conf; `folder` gets a file with the rules of the page.

    Users that are not named in them are charge points, and may do anything.
    """
    blocks = re.findall(r"^```\n(.*?)^```$", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    [rules] = [block for block in blocks if block.startswith(f"user {USER}")]
    file = folder / "access_rules"
    file.write_text("topic readwrite #\n" + rules)
    file.chmod(0o600)
    return f"acl_file {file}"
