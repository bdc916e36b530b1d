"""`scripts/replay`, as a process."""

import asyncio
import json
from pathlib import Path
import sys
from typing import Any

_ROOT = Path(__file__).parents[2]


async def replay(path: Path, *options: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "harness.replay", str(path), *options),
        cwd=_ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def states(path: Path, *options: str) -> dict[str, Any]:
    code, output, errors = await replay(path, *options)
    assert code == 0, errors
    found: dict[str, Any] = json.loads(output)
    return found
