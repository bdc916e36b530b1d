"""Run the server of a Blue Current account: ``python -m simulators.blue_current``."""

from simulators import program

from .chargepoint import BlueCurrentChargepoint, ChargepointSetup
from .server import AccountSetup, BlueCurrentSimulator

_PORT = 8765


def main() -> None:
    """Read the command line and run the server."""
    parser = program.parser(
        "A simulated Blue Current account with one or more charge points.",
        BlueCurrentChargepoint,
        [],
        words_by="sent by POST to http://HOST:PORT/do; the answer is the response.",
        has_broker=False,
    )
    defaults = AccountSetup()
    parser.add_argument("--host", default="127.0.0.1", help="address (default %(default)s)")
    parser.add_argument("--port", type=int, default=_PORT, help="port (default %(default)s)")
    parser.add_argument(
        "--token", default=defaults.api_token, help="API token (default %(default)s)"
    )
    parser.add_argument(
        "--customer", default=defaults.customer_id, help="customer id (default %(default)s)"
    )
    parser.add_argument(
        "--login", default=defaults.login, help="e-mail address (default %(default)s)"
    )
    parser.add_argument(
        "--several", action="store_true", help="accept several connections of one address"
    )
    parser.add_argument(
        "--quota", type=int, default=defaults.quota, help="requests a day (default no limit)"
    )
    parser.add_argument(
        "--chargepoint",
        action="append",
        default=[],
        metavar="KEY=VALUE,...",
        help=(
            "a charge point; keys: name, evse_id, phases, needed (kWh), plug_and_charge (yes/no)"
        ),
    )
    options = parser.parse_args()
    setups = program.setups(parser, ChargepointSetup, options.chargepoint)
    simulator = BlueCurrentSimulator(
        *setups,
        account=AccountSetup(
            api_token=options.token,
            customer_id=options.customer,
            login=options.login,
            single=not options.several,
            quota=options.quota,
        ),
        host=options.host,
        port=options.port,
        timing=program.timing(options),
    )
    program.run(simulator)


if __name__ == "__main__":
    main()
