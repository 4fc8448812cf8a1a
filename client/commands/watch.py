"""`dawnchorus watch`."""

from typing import Annotated, Any

import typer

from client import recordings
from client.clients import Client
from client.live import LiveEvent

from .output import Exit, JsonOption, ProjectOption, opened, print_json


def watch(
    recording_id: Annotated[str | None, typer.Argument(metavar="[ID]", show_default=False)] = None,
    project: ProjectOption = None,
    batch: Annotated[str | None, typer.Option(help="Recordings of one batch.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--type", help="As in analysis.completed.v1.")] = None,
    since: Annotated[str | None, typer.Option(help="Begin after the event with this id.")] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Print events as they happen: of a recording until it ended, else until you stop it.

    Exits with 1 when the recording did not complete.
    """
    filters: dict[str, Any] = {"recording": recording_id, "project": project, "batch": batch, "type": kind}
    with opened() as client:
        for event in client.listen(since, **filters):
            _print(event, as_json=json)
            if recording_id is not None and _may_have_ended(event) and (ended := _ended(client, recording_id)):
                raise typer.Exit(Exit.DONE if ended == "completed" else Exit.FAILED)


def _may_have_ended(event: LiveEvent) -> bool:
    return not event.type.startswith("task.")


def _ended(client: Client, recording_id: str) -> str | None:
    found = client.send(recordings.recording(recording_id))
    return found.status if found.is_ended else None


def _print(event: LiveEvent, *, as_json: bool) -> None:
    if as_json:
        print_json({"type": event.type, "id": event.id, "data": event.data})
        return
    facts = event.data.get("data", event.data)
    told = (facts.get("recording_id", facts.get("id", "")), facts.get("task"), facts.get("stage"), facts.get("status"))
    progress = facts.get("progress")
    share = f"{progress:.0%}" if progress is not None else ""
    typer.echo("  ".join([f"{event.type:28}", *(str(each) for each in told if each), share]).rstrip())
