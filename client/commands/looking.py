"""`dawnchorus status` and `dawnchorus list`."""

from typing import Annotated

import typer

from client import recordings
from client.models import Recording, Task

from .output import JsonOption, ProjectOption, all_items, opened, print_json, print_table

_PAGE = 200


def status(
    recording_ids: Annotated[list[str], typer.Argument(metavar="ID…", show_default=False)], *, json: JsonOption = False
) -> None:
    """Say where recordings stand."""
    with opened() as client:
        found = [client.send(recordings.recording(each)) for each in recording_ids]
    if json:
        print_json(found)
        return
    print_table(("id", "name", "status", "spectrogram", "analysis", "errors"), [_row(each) for each in found])


def list_recordings(
    project: ProjectOption = None,
    state: Annotated[list[str] | None, typer.Option("--status", help="Any of several.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="All of several.")] = None,
    name: Annotated[str | None, typer.Option(help="A part of the name.")] = None,
    where: Annotated[list[str] | None, typer.Option(help="By features, as in tempo.bpm:118..122.")] = None,
    sort: Annotated[str | None, typer.Option(help="As in -recorded_at.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    *,
    failed: Annotated[bool, typer.Option(help="Of which something failed.")] = False,
    json: JsonOption = False,
) -> None:
    """List recordings, the newest first."""
    filters = {"project": project, "status": state, "tag": tag, "name": name, "where": where, "sort": sort}
    asked = {**filters, "has_failed": True if failed else None, "limit": min(limit, _PAGE)}
    with opened() as client:

        def page(cursor: str | None) -> tuple[tuple[Recording, ...], str | None]:
            found = client.send(recordings.recordings(cursor, **asked))
            return found.items, found.next_cursor

        found = all_items(page, limit)
    if json:
        print_json(found)
        return
    columns = ("id", "name", "project", "status", "seconds", "uploaded at")
    print_table(columns, [(r.id, r.name, r.project, r.status, r.duration_s, _shown(r)) for r in found])


def _row(found: Recording) -> tuple[object, ...]:
    errors = "\n".join(f"{each.code}: {each.sentence}" for each in found.errors)
    return found.id, found.name, found.status, _task(found.spectrogram), _task(found.analysis), errors


def _task(task: Task | None) -> str | None:
    if task is None:
        return None
    if task.progress is None:
        return task.status
    return f"{task.status} {task.progress:.0%}"


def _shown(found: Recording) -> str | None:
    return found.uploaded_at.isoformat(sep=" ", timespec="seconds") if found.uploaded_at is not None else None
