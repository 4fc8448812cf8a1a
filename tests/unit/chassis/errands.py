"""Work whose doing a test decides, and the event that calls for it."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from chassis.errors import UnprocessableError
from chassis.progress import ProgressFile
from chassis.work import Outcome, Worker
from chassis.workbench import Workbench
from contracts.documents import OutboxEntry
from contracts.events import AnalysisFailed, RecordingDeleted, TaskFailed
from contracts.vocabulary import Lane, State
from tests.fake_tasks import Document
from tests.fakes import Bench

RECORDING = "0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
EVENT = RecordingDeleted(recording_id=RECORDING, project_id="default", deleted_at=NOW)
AUDIO = b"as it was uploaded"
TASK = f"{RECORDING}/p1"

Perform = Callable[[Workbench], Awaitable[None]]


class DeafError(UnprocessableError):
    """Nothing can be heard."""

    code = "deaf"
    next_step = "Listen."

    def __str__(self) -> str:
        return "Nothing can be heard."


class Errand:
    """Work whose doing a test decides."""

    task: Literal["spectrogram", "analysis"] = "analysis"
    failure: type[TaskFailed] = AnalysisFailed
    requested = False
    parameters_id = "p1"
    parameters: dict[str, Any] = {"shade": "dark"}  # noqa: RUF012 (the protocol's attribute)

    def __init__(self, do: Perform | None = None) -> None:
        self.performed = 0
        self._do = do or nothing

    async def perform(self, event: RecordingDeleted, bench: Workbench) -> Outcome:
        self.performed += 1
        await self._do(bench)
        return Outcome(State.COMPLETED, {"result": "done", "timings_s": dict(bench.timings_s)}, event)

    def timeout_s(self, event: RecordingDeleted) -> float:
        return 60


async def carry_out(
    bench: Bench, errand: Errand, announced_at: datetime | None = None, lane: Lane = Lane.INTERACTIVE
) -> None:
    """Carry the errand out, as a worker does that heard of it."""
    worker: Worker[RecordingDeleted] = Worker(bench.equipment(), errand)
    await worker.carry_out(EVENT.model_copy(update={"lane": lane}), announced_at or datetime.now(UTC))


async def nothing(_: Workbench) -> None:
    """Do nothing."""
    return


def raising(error: Exception) -> Perform:
    """Return work that fails."""

    async def fail(_: Workbench) -> None:
        raise error

    return fail


async def every_stage(workbench: Workbench) -> None:
    """Fetch, compute and store."""
    path = await workbench.fetch("audio", sha256(AUDIO))
    body = await workbench.compute(_read, path)
    await workbench.store({"result": body})


def _read(path: Path, progress: ProgressFile) -> bytes:
    progress.write(0.5)
    return path.read_bytes()


def sha256(body: bytes) -> str:
    """Return the hash in hex."""
    return hashlib.sha256(body).hexdigest()


def outbox_of(document: Document) -> list[OutboxEntry]:
    """Return what waits to be announced."""
    return [OutboxEntry.model_validate(entry) for entry in document["outbox"]]
