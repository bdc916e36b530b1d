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
        "--adapter", default="easee", help="resource name (default %(default)s)"
    )
    parser.add_argument(
        "--chargepoint",
        action="append",
        default=[],
        metavar="KEY=VALUE,...",
        help=(
            "a charge point; keys: name, profile "
            f"({', '.join(PROFILES)}), serial, address (such as 3_1), wanted (kWh)"
        ),
    )
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="do not announce the charge points, as if started long ago",
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
        )
    )


if __name__ == "__main__":
    main()
