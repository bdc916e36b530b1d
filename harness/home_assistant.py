"""Home Assistant whose connections to Blue Current are made to a simulator instead.

python harness/home_assistant.py URL [ARGUMENT OF HOME ASSISTANT ...]
"""

import sys
from typing import Any

# The modules beside this one must not replace others of the same name.
sys.path.pop(0)

import aiohttp
from homeassistant.__main__ import main

_SERVER = "bluecurrent.nl"


def redirect(url: str) -> None:
    """Connect to `url` whenever a websocket of Blue Current is requested."""
    connect = aiohttp.ClientSession.ws_connect

    def redirected(session: aiohttp.ClientSession, target: Any, **options: Any) -> Any:
        return connect(session, url if _SERVER in str(target) else target, **options)

    aiohttp.ClientSession.ws_connect = redirected  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    redirect(sys.argv.pop(1))
    sys.exit(main())
