"""Run an EVerest station: ``python -m simulators.everest``."""

from simulators import program

from .evse import Evse
from .station import DIALECTS, EverestSimulator, EvseSetup, SisterSetup


def main() -> None:
    """Read the command line and run the station."""
    parser = program.parser(
        "A simulated EVerest station with one or more EVSEs.",
        Evse,
        ["heartbeat", "meter"],
    )
    parser.add_argument(
        "--evse",
        action="append",
        default=[],
        metavar="KEY=VALUE,...",
        help=(
            "an EVSE; keys: name, module, evse_id, phases, max_current (A), "
            "wanted (kWh), authorize (yes/no: swipe a card after each plug-in), "
            "lock (yes/no), limits (id of an external_energy_limits_consumer)"
        ),
    )
    parser.add_argument(
        "--prefix", default="", help="written before every topic, such as site1/"
    )
    parser.add_argument(
        "--dialect",
        choices=DIALECTS,
        default="main",
        help="release of EVerest (default %(default)s)",
    )
    parser.add_argument("--errors", default="", help="id of an error_history_consumer")
    parser.add_argument("--tokens", default="", help="id of an auth_token_provider")
    parser.add_argument("--authorizer", default="", help="id of an auth_consumer")
    options = parser.parse_args()
    program.run(
        EverestSimulator(
            program.broker(options),
            *program.setups(parser, EvseSetup, options.evse),
            prefix=options.prefix,
            dialect=options.dialect,
            sisters=SisterSetup(
                errors=options.errors,
                tokens=options.tokens,
                authorizer=options.authorizer,
            ),
            timing=program.timing(options),
        )
    )


if __name__ == "__main__":
    main()
