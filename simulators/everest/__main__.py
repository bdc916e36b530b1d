"""Run an EVerest station: ``python -m simulators.everest``."""

import argparse
import dataclasses
from typing import Any

from simulators import program

from .control import EverestChargepoint
from .dialects import DIALECTS
from .setups import CompanionSetup, EvseSetup, SiteSetup
from .station import EverestSimulator

_EVSE_KEYS = """an EVSE; keys: name, module, connector (id of its EvseManager), evse_id,
phases, max_current (A), needed (kWh), authorize (yes/no: swipe a card after each plug-in),
lock, sink (the legacy API can limit), switches (its phases), socket, dc, delay,
external_ready (all yes/no), protocol, check (s: requires heartbeats),
limits (id of an external_energy_limits_consumer)"""
_COMPANIONS = {
    "errors": "id of an error_history_consumer",
    "grid": "id of an external_energy_limits_consumer at the grid",
    "tokens": "id of an auth_token_provider",
    "authorizer": "id of an auth_consumer",
    "cost": "id of a session_cost_consumer",
    "ocpp": "id of an ocpp_consumer",
    "bus": "MODULE[/IMPLEMENTATION] of the OCPP module on the bus inside EVerest",
}
_SITE = {
    "legacy": "offer the API before v1 as well",
    "no-latch": "answer no question for the last value",
    "store": "remember transactions over a restart, to close them",
    "bridged": "let a bridge pass only what is below everest_api/",
    "information": "let the legacy API report manufacturer, model and serial number",
    "strict": "end with an error if a request was wrong",
}


def main() -> None:
    """Read the command line and run the station."""
    parser = program.parser(
        "A simulated EVerest station with one or more EVSEs.",
        EverestChargepoint,
        ["heartbeat", "meter"],
    )
    parser.add_argument(
        "--evse", action="append", default=[], metavar="KEY=VALUE,...", help=_EVSE_KEYS
    )
    parser.add_argument("--prefix", default="", help="written before every topic, such as site1/")
    parser.add_argument(
        "--dialect",
        choices=DIALECTS,
        default="main",
        help="release of EVerest (default %(default)s)",
    )
    for name, text in _COMPANIONS.items():
        parser.add_argument(f"--{name}", help=text, default="", metavar="ID")
    for name, text in _SITE.items():
        parser.add_argument(f"--{name}", help=text, action="store_true")
    site = SiteSetup()
    parser.add_argument(
        "--check",
        type=float,
        default=site.check,
        metavar="SECONDS",
        help="how often the companion modules require a heartbeat (default never)",
    )
    parser.add_argument(
        "--price",
        type=float,
        default=site.price,
        metavar="EUR",
        help="of a kilowatt hour (default %(default)s)",
    )
    options = parser.parse_args()
    options.latch = not options.no_latch
    setups = program.setups(parser, EvseSetup, options.evse)
    try:
        station = EverestSimulator(
            program.broker(options),
            *setups,
            prefix=options.prefix,
            dialect=options.dialect,
            companions=CompanionSetup(**_chosen(CompanionSetup, options)),
            site=SiteSetup(**_chosen(SiteSetup, options)),
            timing=program.timing(options),
        )
    except ValueError as error:
        parser.error(str(error))
    program.run(station)


def _chosen(kind: type[CompanionSetup | SiteSetup], options: argparse.Namespace) -> dict[str, Any]:
    """Return the command line's settings for one of the setups."""
    names = {each.name for each in dataclasses.fields(kind)}
    return {name: value for name, value in vars(options).items() if name in names}


if __name__ == "__main__":
    main()
