"""Who made a station, and how it is: what only EVerest's older API tells. Pure.

EVerest's module `API`: `everest_api/info/var/info`, where the site has configured it, and
`everest_api/<id>/var/telemetry` of the board.
"""

from typing import NamedTuple

from ..model import Feature
from .envelope import JsonObject, number, text


class Information(NamedTuple):
    """Who made the station, and what runs on it; texts of its owner, so no identity."""

    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    sw_version: str | None = None


def parse_information(info: JsonObject) -> Information:
    """Return what `info` says; a release has other keys than the next one."""
    return Information(
        manufacturer=text(info.get("manufacturer")) or text(info.get("vendor")),
        model=text(info.get("model")) or text(info.get("model_number")),
        serial_number=text(info.get("chargepoint_serial")),
        sw_version=text(info.get("firmware_version")),
    )


def telemetry(values: JsonObject) -> dict[Feature, float | None]:
    """Return what `telemetry` says of the board."""
    if "temperature" not in values:
        return {}
    found = number(values["temperature"])
    return {Feature.BOARD_TEMPERATURE: None if found is None else round(found, 1)}
