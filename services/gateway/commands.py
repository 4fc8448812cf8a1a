"""What an operator does with API keys on the command line."""

import argparse
import asyncio
from datetime import UTC, datetime, timedelta

from chassis.documents import open_database
from contracts.documents import API_KEYS, Membership
from contracts.vocabulary import DEFAULT_PROJECT, Role, Scope

from .keys import SCOPES, KeyRing, NewKey
from .settings import GatewaySettings


def add_topics(parser: argparse.ArgumentParser) -> None:
    """Teach `parser` the commands; `command` of what it parses does what was said, and returns what to print."""
    keys = parser.add_subparsers(dest="topic").add_parser("keys", help="API keys").add_subparsers(required=True)
    create = keys.add_parser("create", help="make a key and print it")
    create.set_defaults(command=_create)
    create.add_argument("--name", required=True, help="whose key it is")
    create.add_argument(
        "--project",
        action="append",
        type=membership,
        default=[],
        metavar="PROJECT[:ROLE]",
        help=f"a project it opens, and as what: {', '.join(Role)} (owner); may be repeated",
    )
    create.add_argument("--scope", action="append", type=Scope, default=[], help=f"{', '.join(Scope)}; may be repeated")
    create.add_argument("--days", type=float, help="how long it holds; without, until it is revoked")


def membership(text: str) -> Membership:
    """Return what `PROJECT:ROLE` says; without a role, that of an owner."""
    project_id, _, role = text.rpartition(":")
    if project_id and role in list(Role):
        return Membership(project_id=project_id, role=Role(role))
    return Membership(project_id=text, role=Role.OWNER)


def _create(settings: GatewaySettings, arguments: argparse.Namespace) -> str:
    expires_at = datetime.now(UTC) + timedelta(days=arguments.days) if arguments.days is not None else None
    new = NewKey(
        name=arguments.name,
        memberships=arguments.project or [membership(DEFAULT_PROJECT)],
        scopes=arguments.scope or SCOPES,
        expires_at=expires_at,
    )
    return asyncio.run(_created(settings, new))


async def _created(settings: GatewaySettings, new: NewKey) -> str:
    async with open_database(settings) as database:
        key, _ = await KeyRing(database[API_KEYS]).create(new)
    return key
