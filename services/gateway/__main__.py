"""Run the gateway: `python -m services.gateway`; make an API key: `python -m services.gateway keys create`."""

import argparse
import asyncio

from chassis.documents import open_database
from chassis.serve import run
from contracts.documents import API_KEYS
from contracts.vocabulary import DEFAULT_PROJECT

from .app import create_app
from .keys import KeyRing
from .settings import GatewaySettings


def main() -> None:
    """Serve, or do what the words on the command line say."""
    arguments = _parser().parse_args()
    settings = GatewaySettings()
    if arguments.topic == "keys":
        print(asyncio.run(create_key(settings, arguments.name, tuple(arguments.project))))
    else:
        run(create_app, settings, "gateway")


async def create_key(settings: GatewaySettings, name: str, project_ids: tuple[str, ...]) -> str:
    """Store a new API key and return it; it is shown this once."""
    async with open_database(settings) as database:
        return await KeyRing(database[API_KEYS]).create(name=name, project_ids=project_ids or (DEFAULT_PROJECT,))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.gateway")
    topics = parser.add_subparsers(dest="topic")
    keys = topics.add_parser("keys", help="API keys").add_subparsers(dest="action", required=True)
    create = keys.add_parser("create", help="make a key and print it")
    create.add_argument("--name", required=True, help="whose key it is")
    create.add_argument("--project", action="append", default=[], help="a project it opens; may be repeated")
    return parser


if __name__ == "__main__":
    main()
