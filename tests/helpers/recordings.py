"""The recordings of real charge points in this repository."""

from pathlib import Path

#: Its `README.md` describes each recording.
RECORDINGS = Path(__file__).parents[1] / "recordings"


def recording(name: str) -> Path:
    """Return the recording `name`, such as `everest/live/limits`."""
    return RECORDINGS / f"{name}.jsonl"


def names(folder: str) -> list[str]:
    """Return the names of all recordings in a folder, such as `fimp/live`."""
    found = sorted((RECORDINGS / folder).glob("*.jsonl"))
    return [f"{folder}/{path.stem}" for path in found]


def samples() -> list[Path]:
    """Return the files written by EVerest's own serializer, one payload per file."""
    return sorted((RECORDINGS / "everest" / "codec-samples").glob("*.json"))


def sample(name: str) -> bytes:
    """Return the payload of a sample, such as `hw_capabilities`."""
    return (RECORDINGS / "everest" / "codec-samples" / f"{name}.json").read_bytes()
