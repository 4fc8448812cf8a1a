"""Run the gateway: `python -m services.gateway`; or `… prepare` first; see to `keys …` or `dead-letters …`."""

import argparse
from collections.abc import Callable

from chassis.documents import PyMongoError
from chassis.preparing import PREPARE, prepare
from chassis.serve import run

from .app import create_app
from .commands import add_topics
from .preparing import prepare_indexes
from .settings import GatewaySettings


def main() -> None:
    """Serve, or do what the words on the command line say."""
    parser = argparse.ArgumentParser(prog="python -m services.gateway")
    add_topics(parser)
    arguments = parser.parse_args()
    settings = GatewaySettings()
    if arguments.topic is None:
        run(create_app, settings, "gateway")
    elif arguments.topic == PREPARE:
        prepare(prepare_indexes, settings, "gateway")
    else:
        _do(lambda: arguments.command(settings, arguments))


def _do(command: Callable[[], str]) -> None:
    try:
        print(command())
    except PyMongoError as error:
        # The rest is for who wrote the driver.
        reason = str(error).partition(",")[0]
        raise SystemExit(f"MongoDB does not answer, or refuses: {reason}.") from error


if __name__ == "__main__":
    main()
