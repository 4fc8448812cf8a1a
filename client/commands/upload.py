"""`dawnchorus upload`."""

import asyncio
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from client import recordings
from client.clients import AsyncClient
from client.credentials import kept_credentials
from client.errors import ClientError
from client.files import LocalRecording, found_recordings
from client.unfinished import UnfinishedUploads
from client.uploading import Uploaded, UploadWish, uploading

from .output import Exit, JsonOption, ProjectOption, exit_of, print_json

_POLL_S = 1.0


@dataclass(frozen=True)
class Sent:
    """What became of one file; `error` where nothing did."""

    path: str
    recording_id: str | None = None
    status: str | None = None
    sent_bytes: int = 0
    was_known: bool = False
    resumed: bool = False
    error: dict[str, str | None] | None = None
    exit: Exit = field(default=Exit.DONE)


@dataclass(frozen=True)
class _Sender:
    client: AsyncClient
    wish: UploadWish
    unfinished: UnfinishedUploads
    progress: Progress
    task: TaskID
    slots: asyncio.Semaphore
    wait_s: float

    async def send(self, path: Path) -> Sent:
        try:
            async with self.slots:
                local = await asyncio.to_thread(LocalRecording.at, path)
                uploaded = await self.client.run(uploading(local, self.wish, self.unfinished, self._told))
            return _sent(path, uploaded, await self._status(uploaded))
        except OSError as error:
            told = {"code": "unreadable", "detail": str(error), "next_step": None, "trace_id": None}
            return Sent(str(path), error=told, exit=Exit.FAILED)
        except ClientError as error:
            return Sent(str(path), error=error.document(), exit=exit_of(error))

    async def _status(self, uploaded: Uploaded) -> str | None:
        if self.wait_s == 0:
            return None
        try:
            async with asyncio.timeout(self.wait_s):
                return await self._end(uploaded.recording_id)
        except TimeoutError:
            return "unfinished"

    async def _end(self, recording_id: str) -> str:
        while True:
            found = await self.client.send(recordings.recording(recording_id))
            if found.is_ended:
                return found.status
            await asyncio.sleep(_POLL_S)

    def _told(self, size_bytes: int) -> None:
        self.progress.advance(self.task, size_bytes)


def upload(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", show_default=False, exists=True)],
    project: ProjectOption = None,
    lane: Annotated[str | None, typer.Option(help="interactive or bulk.")] = None,
    batch: Annotated[str | None, typer.Option(help="The batch they belong to.")] = None,
    priority: Annotated[int | None, typer.Option(help="Instead of a lane; higher is more urgent.")] = None,
    parallel: Annotated[int, typer.Option(min=1, max=32, help="Recordings sent at once.")] = 4,
    wait_s: Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, help="Wait so long for their end.")] = 0,
    *,
    json: JsonOption = False,
) -> None:
    """Send recordings, and all of a folder; what the project has already is not sent again.

    An interrupted command goes on where it was when you repeat it.
    """
    files = found_recordings(paths)
    total_bytes = sum(path.stat().st_size for path in files)
    with _bar() as progress:
        task = progress.add_task("", total=total_bytes)
        sent = asyncio.run(
            _send_all(files, UploadWish(project, lane, priority, batch), progress, task, parallel, wait_s)
        )
    if json:
        print_json([{name: value for name, value in asdict(each).items() if name != "exit"} for each in sent])
    else:
        for each in sent:
            _print(each)
    if any(each.error for each in sent):
        raise typer.Exit(max(each.exit for each in sent))
    if wait_s and any(each.status != "completed" for each in sent):
        raise typer.Exit(Exit.NOT_READY if any(each.status == "unfinished" for each in sent) else Exit.FAILED)


async def _send_all(
    files: list[Path], wish: UploadWish, progress: Progress, task: TaskID, parallel: int, wait_s: float
) -> list[Sent]:
    credentials = kept_credentials()
    slots = asyncio.Semaphore(parallel)
    async with AsyncClient(credentials) as client, asyncio.TaskGroup() as tasks:
        unfinished = UnfinishedUploads(credentials.url)
        sender = _Sender(client, wish, unfinished, progress, task, slots, wait_s)
        going = [tasks.create_task(sender.send(path)) for path in files]
    return [each.result() for each in going]


def _bar() -> Progress:
    return Progress(
        TextColumn("sending"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not Console(stderr=True).is_terminal,
    )


def _sent(path: Path, uploaded: Uploaded, status: str | None) -> Sent:
    return Sent(
        str(path), uploaded.recording_id, status, uploaded.sent_bytes, uploaded.was_known, resumed=uploaded.resumed
    )


def _print(sent: Sent) -> None:
    if sent.error is not None:
        typer.echo(f"{sent.path}: {sent.error['detail']} ({sent.error['code']})", err=True)
        return
    how = "known already" if sent.was_known else f"{'resumed, ' if sent.resumed else ''}{sent.sent_bytes} bytes sent"
    typer.echo("\t".join([sent.recording_id or "", sent.path, sent.status or how]))
