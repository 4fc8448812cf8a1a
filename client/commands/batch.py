"""`dawnchorus batch` and `dawnchorus retry-failed`."""

from typing import Annotated

import typer

from client import batches, recordings
from client.clients import Client
from client.models import Batch, BatchItem, Recording

from .output import Exit, JsonOption, ProjectOption, all_items, opened, print_facts, print_json, print_table

app = typer.Typer(help="Many recordings at once.", no_args_is_help=True)

BatchId = Annotated[str, typer.Argument(metavar="BATCH", show_default=False)]

_RECORDINGS_PAGE, _ITEMS_PAGE, _BATCHES_PAGE = 200, 1000, 100


@app.command("create")
def create(
    items: Annotated[
        list[str] | None, typer.Argument(metavar="[ITEM…]", help="Ids of recordings, or s3:// objects of the inbox.")
    ] = None,
    file: Annotated[typer.FileText | None, typer.Option("--from", help="A file, an item per line; - is stdin.")] = None,
    name: Annotated[str, typer.Option(help="What you call it.")] = "",
    project: ProjectOption = None,
    priority: Annotated[int | None, typer.Option(help="Higher is more urgent.")] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check and price it.")] = False,
    json: JsonOption = False,
) -> None:
    """Have recordings taken in or worked on again, in the background.

    Without items it is a batch that uploads may name. Exits with 1 where items were refused.
    """
    lines = [line.strip() for line in file or () if line.strip()]
    asked = [*(items or ()), *lines]
    with opened() as client:
        if dry_run:
            plan = client.send(batches.plan_batch(asked, name=name, project=project, priority=priority))
            print_facts(plan, as_json=json)
            return
        made = client.send(batches.create_batch(asked, name=name, project=project, priority=priority))
    if json:
        print_json(made)
    else:
        typer.echo(made.id)
    for refused in made.refused:
        typer.echo(f"{asked[refused.number]}: {refused.error.sentence} ({refused.error.code})", err=True)
    if made.refused:
        raise typer.Exit(Exit.FAILED)


@app.command("show")
def show(batch_id: BatchId, *, json: JsonOption = False) -> None:
    """Say how far a batch is."""
    with opened() as client:
        _print([client.send(batches.batch(batch_id))], as_json=json)


@app.command("items")
def show_items(
    batch_id: BatchId,
    state: Annotated[list[str] | None, typer.Option("--status", help="Any of several.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 100,
    *,
    json: JsonOption = False,
) -> None:
    """List the items of a batch, with what went wrong."""
    with opened() as client:

        def page(cursor: str | None) -> tuple[tuple[BatchItem, ...], str | None]:
            asked = batches.batch_items(batch_id, cursor, status=state, limit=min(limit, _ITEMS_PAGE))
            found = client.send(asked)
            return found.items, found.next_cursor

        found = all_items(page, limit)
    if json:
        print_json(found)
        return
    rows = [(each.number, each.uri or each.recording_id, each.status, each.error and each.error.code) for each in found]
    print_table(("number", "item", "status", "error"), rows)


@app.command("list")
def list_batches(limit: Annotated[int, typer.Option(min=1)] = 20, *, json: JsonOption = False) -> None:
    """List batches, the newest first."""
    with opened() as client:

        def page(cursor: str | None) -> tuple[tuple[Batch, ...], str | None]:
            found = client.send(batches.batches(cursor, limit=min(limit, _BATCHES_PAGE)))
            return found.items, found.next_cursor

        _print(all_items(page, limit), as_json=json)


@app.command("cancel")
def cancel(batch_id: BatchId, *, json: JsonOption = False) -> None:
    """Stop a batch; what is done stays."""
    with opened() as client:
        _print([client.send(batches.cancel_batch(batch_id))], as_json=json)


def retry_failed(
    recording_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID…]", show_default=False)] = None,
    batch_id: Annotated[str | None, typer.Option("--batch", help="The items of this batch that failed.")] = None,
    project: ProjectOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Have done again what failed: of these recordings, of a batch, or, without either, of all that failed."""
    with opened() as client:
        if batch_id is not None:
            _print([client.send(batches.retry_failed_items(batch_id))], as_json=json)
            return
        chosen = recording_ids or [each.id for each in _failed(client, project)]
        retried = [client.send(recordings.retry(each)) for each in chosen]
    if json:
        print_json(retried)
        return
    print_table(("id", "name", "status"), [(each.id, each.name, each.status) for each in retried])


def _failed(client: Client, project: str | None) -> list[Recording]:
    def page(cursor: str | None) -> tuple[tuple[Recording, ...], str | None]:
        asked = recordings.recordings(cursor, has_failed=True, project=project, limit=_RECORDINGS_PAGE)
        found = client.send(asked)
        return found.items, found.next_cursor

    return all_items(page, 10**9)


def _print(found: list[Batch], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    columns = ("id", "name", "project", "status", "items", "progress", "counts")
    print_table(columns, [_row(each) for each in found])


def _row(batch: Batch) -> tuple[object, ...]:
    counts = ", ".join(f"{number} {state}" for state, number in batch.counts.items())
    progress = f"{batch.progress:.0%}" if batch.progress is not None else None
    return batch.id, batch.name, batch.project, batch.status, batch.items, progress, counts
