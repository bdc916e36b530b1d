"""Run a FIMP adapter: ``python -m simulators.fimp``."""

from simulators import program

from .adapter import FimpSimulator
from .chargepoint import FimpChargepoint
from .profiles import PROFILES, ChargepointSetup


def main() -> None:
    """Read the command line and run the adapter."""
    parser = program.parser(
        "A simulated FIMP adapter with one or more charge points.",
        FimpChargepoint,
        ["poll"],
    )
    parser.add_argument(
        "--adapter", default="", help="resource name (default: the one of the first profile)"
    )
    parser.add_argument(
        "--chargepoint",
        action="append",
        default=[],
        metavar="KEY=VALUE,...",
        help=(
            "a charge point; keys: name, profile "
            f"({', '.join(PROFILES)}), serial, address (such as 3_1), needed (kWh), "
            "title and room (on a hub)"
        ),
    )
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="do not announce the charge points, as if started long ago",
    )
    parser.add_argument(
        "--hub", action="store_true", help="answer as the vinculum of a hub as well"
    )
    parser.add_argument(
        "--others",
        type=int,
        default=0,
        metavar="NUMBER",
        help="so many lamps behind a zigbee adapter on the same bus",
    )
    options = parser.parse_args()
    chargepoints = program.setups(parser, ChargepointSetup, options.chargepoint)
    for setup in chargepoints:
        if setup.profile not in PROFILES:
            parser.error(f"unknown profile {setup.profile!r}: {', '.join(PROFILES)}")
    program.run(
        FimpSimulator(
            program.broker(options),
            *chargepoints,
            adapter=options.adapter,
            timing=program.timing(options),
            announce=not options.quiet,
            hub=options.hub,
            others=options.others,
        )
    )


if __name__ == "__main__":
    main()
