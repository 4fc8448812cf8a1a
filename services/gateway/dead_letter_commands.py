"""What an operator does with dead letters on the command line."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial

from chassis.documents import open_database
from chassis.problems import ProblemError
from contracts.dead_letters import DEAD_LETTERS, DeadLetterDocument, DeadLetterState
from contracts.vocabulary import Scope

from .dead_letter_routes import REPLAYED_MAX, view
from .dead_letters import DeadLetters, LetterFilters
from .keys import Caller
from .settings import GatewaySettings

OPERATOR = Caller("command line", {}, frozenset(Scope))

Command = Callable[[DeadLetters, argparse.Namespace], Awaitable[str]]


def add_dead_letters(topic: argparse.ArgumentParser) -> None:
    """Teach `topic` its commands; `command` of what it parses does what was said, and returns what to print."""
    commands = topic.add_subparsers(required=True)
    listing = _command(commands.add_parser("list", help="print them, what died last first"), _listed)
    _add_filters(listing)
    listing.add_argument(
        "--status", type=DeadLetterState, default=DeadLetterState.PARKED, help=", ".join(DeadLetterState)
    )
    listing.add_argument("--limit", type=int, default=50)
    _command(commands.add_parser("show", help="print one with headers and body, as JSON"), _shown).add_argument("id")
    replay = _command(commands.add_parser("replay", help="send parked ones again; without --yes only count"), _replayed)
    replay.add_argument("id", nargs="?", help="one of them; without, all that match")
    _add_filters(replay)
    replay.add_argument("--limit", type=int, default=100, choices=range(1, REPLAYED_MAX + 1), metavar="N")
    replay.add_argument("--yes", action="store_true", help="do it")
    discard = _command(commands.add_parser("discard", help="say that one is of no use"), _discarded)
    discard.add_argument("id")


def _command(parser: argparse.ArgumentParser, command: Command) -> argparse.ArgumentParser:
    parser.set_defaults(command=partial(_run, command))
    return parser


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", help="whose messages they were")
    parser.add_argument("--project")
    parser.add_argument("--event-type", help="for example recording.uploaded.v1")
    parser.add_argument("--recording")


def _run(command: Command, settings: GatewaySettings, arguments: argparse.Namespace) -> str:
    async def run() -> str:
        async with open_database(settings) as database:
            # A gateway's relay looks for what waits, every `DAWNCHORUS_OUTBOX_POLL_S`.
            letters = DeadLetters(
                database[DEAD_LETTERS],
                lambda: None,
                replays_per_minute=settings.replays_per_minute,
                kept_days=settings.dead_letters_kept_days,
            )
            return await command(letters, arguments)

    try:
        return asyncio.run(run())
    except ProblemError as error:
        raise SystemExit(error.detail) from error


def _filters(arguments: argparse.Namespace, state: DeadLetterState) -> LetterFilters:
    return LetterFilters(state, arguments.service, arguments.project, arguments.event_type, arguments.recording)


async def _listed(letters: DeadLetters, arguments: argparse.Namespace) -> str:
    found, _ = await letters.page(OPERATOR, _filters(arguments, arguments.status), None, arguments.limit)
    return "\n".join([_line(each) for each in found])


async def _shown(letters: DeadLetters, arguments: argparse.Namespace) -> str:
    shown = view(await letters.get(OPERATOR, arguments.id))
    return json.dumps(shown.model_dump(mode="json"), indent=2)


async def _replayed(letters: DeadLetters, arguments: argparse.Namespace) -> str:
    if arguments.id is not None and arguments.yes:
        letter = await letters.replay(OPERATOR, arguments.id)
        return f"The dead letter {letter.id} goes to {letter.service} again."
    if arguments.id is not None:
        letter = await letters.get(OPERATOR, arguments.id)
        return f"{_line(letter)}\n--yes sends it to {letter.service} again."
    wanted = _filters(arguments, DeadLetterState.PARKED)
    done = await letters.replay_all(OPERATOR, wanted, arguments.limit, dry_run=not arguments.yes)
    said = f"{done.matching} can be sent again, {done.allowed} of them now"
    return f"{said}: {len(done.ids)} are." if arguments.yes else f"{said}; --yes sends them."


async def _discarded(letters: DeadLetters, arguments: argparse.Namespace) -> str:
    await letters.discard(OPERATOR, arguments.id)
    return f"The dead letter {arguments.id} is discarded."


def _line(letter: DeadLetterDocument) -> str:
    when = letter.last_at.isoformat(timespec="seconds")
    what = letter.event_type or "no event"
    why = letter.reason if letter.error is None else f"{letter.reason}: {letter.error.splitlines()[0][:120]}"
    return "\t".join([letter.id, letter.service, what, letter.project_id or "-", when, f"{letter.deaths}x", why])
