"""`dawnchorus dlq`."""

from typing import Annotated, Any

import typer

from client import dead_letters
from client.models import DeadLetter

from .output import JsonOption, ProjectOption, all_items, opened, print_facts, print_json, print_table

app = typer.Typer(help="Dead letters: messages that no service could work on.", no_args_is_help=True)

LetterId = Annotated[str, typer.Argument(metavar="ID", show_default=False)]
ServiceOption = Annotated[str | None, typer.Option(help="Whose messages they were.")]

_PAGE = 200


@app.command("list")
def list_letters(
    service: ServiceOption = None,
    project: ProjectOption = None,
    status: Annotated[str, typer.Option(help="parked, replayed or discarded.")] = "parked",
    limit: Annotated[int, typer.Option(min=1)] = 50,
    *,
    json: JsonOption = False,
) -> None:
    """List them, what died last first."""
    asked: dict[str, Any] = {"service": service, "project": project, "status": status, "limit": min(limit, _PAGE)}
    with opened() as client:

        def page(cursor: str | None) -> tuple[tuple[DeadLetter, ...], str | None]:
            found = client.send(dead_letters.dead_letters(cursor, **asked))
            return found.items, found.next_cursor

        found = all_items(page, limit)
    if json:
        print_json(found)
        return
    columns = ("id", "service", "event", "recording", "died last", "reason")
    rows = [(each.id, each.service, each.event_type, each.recording, each.last_at, each.reason) for each in found]
    print_table(columns, rows)


@app.command("show")
def show(letter_id: LetterId, *, json: JsonOption = False) -> None:
    """Print one with headers and body."""
    with opened() as client:
        print_facts(client.send(dead_letters.dead_letter(letter_id)), as_json=json)


@app.command("replay")
def replay(
    letter_id: Annotated[str | None, typer.Argument(metavar="[ID]", show_default=False)] = None,
    service: ServiceOption = None,
    project: ProjectOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Send all that match; without it they are counted.")] = False,
    json: JsonOption = False,
) -> None:
    """Send one, or with --yes all that match, to their service again."""
    with opened() as client:
        if letter_id is not None:
            print_facts(client.send(dead_letters.replay_dead_letter(letter_id)), as_json=json)
            return
        wanted = dead_letters.replay_dead_letters(dry_run=not yes, service=service, project=project, limit=limit)
        done = client.send(wanted)
    if json:
        print_json(done)
        return
    said = f"{done.matching} can be sent again, {done.allowed} of them now"
    typer.echo(f"{said}; --yes sends them." if done.dry_run else f"{said}: {len(done.replayed)} were.")


@app.command("discard")
def discard(letter_id: LetterId) -> None:
    """Say that one is of no use."""
    with opened() as client:
        client.send(dead_letters.discard_dead_letter(letter_id))
    typer.echo(f"The dead letter {letter_id} is discarded.", err=True)
