"""The recordings of real charge points, which are part of this repository."""

from pathlib import Path

#: `README.md` in there says what each one is.
RECORDINGS = Path(__file__).parents[1] / "recordings"


def recording(name: str) -> Path:
    """Return the recording `name`, such as `everest/live/limits`."""
    return RECORDINGS / f"{name}.jsonl"


def names(folder: str) -> list[str]:
    """Return the names of all recordings in a folder, such as `fimp/live`."""
    found = sorted((RECORDINGS / folder).glob("*.jsonl"))
    return [f"{folder}/{each.stem}" for each in found]


def samples() -> list[Path]:
    """Return what EVerest's own serializer wrote, a payload to a file."""
    return sorted((RECORDINGS / "everest" / "codec-samples").glob("*.json"))


def sample(name: str) -> bytes:
    """Return one of those payloads, such as `hw_capabilities`."""
    return (RECORDINGS / "everest" / "codec-samples" / f"{name}.json").read_bytes()
