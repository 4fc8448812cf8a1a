"""What an operator does on the command line: with API keys, and with dead letters."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from chassis.documents import open_database
from chassis.preparing import PREPARE
from contracts.documents import API_KEYS, ApiKeyDocument, Membership
from contracts.vocabulary import DEFAULT_PROJECT, Role, Scope

from .dead_letter_commands import add_dead_letters
from .keys import SCOPES, KeyRing, NewKey, granted
from .settings import GatewaySettings


def add_topics(parser: argparse.ArgumentParser) -> None:
    """Teach `parser` the commands; `command` of what it parses does what was said, and returns what to print."""
    topics = parser.add_subparsers(dest="topic")
    add_dead_letters(topics.add_parser("dead-letters", help="messages that no service could work on"))
    topics.add_parser(PREPARE, help="make bucket, indexes and queues; then leave")
    keys = topics.add_parser("keys", help="API keys").add_subparsers(required=True)
    _add_create(keys.add_parser("create", help="make a key and print it"))
    listing = keys.add_parser("list", help="print all keys, without their secrets")
    listing.set_defaults(command=partial(_run, _listed))
    revoke = keys.add_parser("revoke", help="make a key good for nothing, at once and for ever")
    revoke.add_argument("id", help="what stands between the underscores of the key")
    revoke.set_defaults(command=partial(_run, _revoked))


def membership(text: str) -> Membership:
    """Return what `PROJECT:ROLE` says; without a role, that of an owner."""
    return granted(text) or Membership(project_id=text, role=Role.OWNER)


def _add_create(create: argparse.ArgumentParser) -> None:
    create.set_defaults(command=partial(_run, _created))
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


def _run(
    command: Callable[[KeyRing, argparse.Namespace], Awaitable[str]],
    settings: GatewaySettings,
    arguments: argparse.Namespace,
) -> str:
    async def run() -> str:
        async with open_database(settings) as database:
            return await command(KeyRing(database[API_KEYS]), arguments)

    return asyncio.run(run())


async def _created(ring: KeyRing, arguments: argparse.Namespace) -> str:
    expires_at = datetime.now(UTC) + timedelta(days=arguments.days) if arguments.days is not None else None
    memberships = arguments.project or [membership(DEFAULT_PROJECT)]
    key, _ = await ring.create(NewKey(arguments.name, memberships, arguments.scope or SCOPES, expires_at))
    return key


async def _listed(ring: KeyRing, _: argparse.Namespace) -> str:
    return "\n".join([_line(each, datetime.now(UTC)) for each in await ring.opening()])


async def _revoked(ring: KeyRing, arguments: argparse.Namespace) -> str:
    if not await ring.revoke(arguments.id):
        raise SystemExit(f"There is no key {arguments.id}.")
    return f"The key {arguments.id} is revoked."


def _line(key: ApiKeyDocument, now: datetime) -> str:
    projects = " ".join(f"{each.project_id}:{each.role}" for each in key.memberships)
    last_used = key.last_used_at.isoformat(timespec="minutes") if key.last_used_at is not None else "never used"
    return "\t".join([key.id, key.name, projects, ",".join(key.scopes), _standing(key, now), last_used])


def _standing(key: ApiKeyDocument, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "good"
    return "expired" if key.expires_at <= now else f"good until {key.expires_at.isoformat(timespec='minutes')}"
