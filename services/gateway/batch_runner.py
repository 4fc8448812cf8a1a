"""Batches worked off in the background, from their documents: who dies in between leaves it to the next."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from chassis.documents import PyMongoError
from chassis.errors import TransientError
from chassis.problems import ProblemError
from chassis.waking import WakeableSleep
from contracts.analysing import AnalysisWish
from contracts.batches import BatchDocument, BatchItemDocument
from contracts.documents import RecordingDocument
from contracts.importing import Imported, ImportOrder
from contracts.vocabulary import Fault, State

from .analyses import AnalysisRequests, analysis_request
from .batches import Batches
from .forwarding import IngestDoor
from .interventions import Interventions
from .item_states import ItemStates
from .projects import Projects
from .reads import Reads
from .renderings import RenderRequests

log = structlog.get_logger()

MAX_ATTEMPTS = 4
# A replica that dies keeps others from its batch for as long.
LEASE = timedelta(seconds=60)
_SETTLED_TOGETHER = 500
_DEFECT = 500
# No server, or no room: the item is not to blame.
_PASSING = (503, 507)
_NEXT_STEP = "Mend what it says, then ask for …/retry-failed."


class BatchRunner:
    """Takes items up, so many at once, and notes how they ended."""

    def __init__(
        self,
        batches: Batches,
        states: ItemStates,
        reads: Reads,
        projects: Projects,
        ingest: IngestDoor,
        interventions: Interventions,
        analyses: AnalysisRequests,
        renderings: RenderRequests,
        *,
        slots: int,
        poll_s: float,
    ) -> None:
        self._batches = batches
        self._states = states
        self._reads = reads
        self._projects = projects
        self._ingest = ingest
        self._interventions = interventions
        self._analyses = analyses
        self._renderings = renderings
        self._slots = slots
        self._poll_s = poll_s
        self._sleep = WakeableSleep()

    def wake(self) -> None:
        """Say that there is something to do, so that it need not wait for the next look."""
        self._sleep.wake()

    async def run(self) -> None:
        """Work batches off for ever; while a server is away, keep trying."""
        while True:
            try:
                while await self.step():
                    pass
            except (PyMongoError, TransientError, ProblemError) as error:
                log.warning("batches_waiting", reason=str(error) or repr(error))
            await self._sleep.at_most(self._poll_s)

    async def step(self) -> bool:
        """Take up some items of one batch, or see how those ended that were; False where no batch is to be had."""
        batch = await self._batches.claim(LEASE)
        if batch is None:
            return False
        if batch.is_cancelling:
            await self._stop(batch)
            await self._batches.leave(batch, timedelta(0), is_cancelling=False)
            return True
        waiting = await self._batches.items(batch.id, states=[State.QUEUED], limit=self._slots)
        if waiting:
            begun = await asyncio.gather(*(self._begin(batch, each) for each in waiting))
            pause_s = 0 if all(begun) else self._poll_s
            await self._batches.leave(batch, timedelta(seconds=pause_s))
            return True
        if await self._settle(batch):
            await self._batches.leave(batch, timedelta(seconds=self._poll_s))
        else:
            await self._batches.leave(batch, timedelta(0), is_open=False, completed_at=datetime.now(UTC))
        return True

    async def _begin(self, batch: BatchDocument, item: BatchItemDocument) -> bool:
        """Take an item up; False where it is to be tried again later, as while a server is away."""
        try:
            begun = await self._begun(batch, item)
        except (ProblemError, TransientError) as error:
            return await self._refused(item, error)
        if not await self._batches.change(item, **begun) and begun["recording_id"] is not None:
            # Cancelled in between.
            await self._interventions.cancel(batch.project_id, [begun["recording_id"]])
        return True

    async def _refused(self, item: BatchItemDocument, error: ProblemError | TransientError) -> bool:
        if not isinstance(error, ProblemError) or error.status in _PASSING:
            return False
        attempts = item.attempts + 1
        if error.status >= _DEFECT and attempts < MAX_ATTEMPTS:
            await self._batches.change(item, attempts=attempts)
            return False
        fault = Fault(code=error.code, sentence=error.detail, next_step=error.next_step or _NEXT_STEP)
        await self._batches.change(item, state=State.FAILED, attempts=attempts, error=fault.model_dump())
        return True

    async def _begun(self, batch: BatchDocument, item: BatchItemDocument) -> dict[str, Any]:
        """Have done what the batch says, and return what the item's document then says."""
        facts: dict[str, Any] = {"state": State.PROCESSING, "begun_at": datetime.now(UTC)}
        if item.recording_id is not None:
            recording = await self._known(batch, item.recording_id)
            if item.begun_at is not None:
                # Not for the first time.
                await self._interventions.retry(batch.project_id, [recording])
                return {**facts, "recording_id": recording.id}
            return {**facts, "recording_id": recording.id, "task_ids": await self._asked(batch, recording)}
        imported = await self._imported(batch, item)
        asked: Sequence[str] = ()
        if batch.wish is not None:
            recording = await self._known(batch, imported.id)
            asked = await self._asked(batch, recording, with_rendering=imported.duplicate)
        return {**facts, "recording_id": imported.id, "duplicate": imported.duplicate, "task_ids": list(asked)}

    async def _imported(self, batch: BatchDocument, item: BatchItemDocument) -> Imported:
        order = ImportOrder(
            project_id=batch.project_id,
            uri=item.uri or "",
            name=item.name or (item.uri or "").rpartition("/")[2],
            lane=batch.lane,
            batch_id=batch.id,
            rendering=batch.rendering or await self._projects.rendering(batch.project_id),
        )
        return Imported.model_validate(await self._ingest.ask("POST", "/imports", order))

    async def _asked(
        self, batch: BatchDocument, recording: RecordingDocument, *, with_rendering: bool = True
    ) -> list[str]:
        """Ask for what the batch wants of a recording that is here; return the ids of the tasks."""
        tasks: list[str] = []
        if batch.rendering is not None and with_rendering:
            await self._renderings.ask(recording, batch.rendering, batch.lane, batch.id)
            tasks.append(f"{recording.id}/{batch.rendering.parameters_id}")
        if batch.wish is not None or not tasks:
            wish = AnalysisWish.model_validate_json(batch.wish) if batch.wish is not None else AnalysisWish()
            # The same for the same batch: who takes an item up again asks for nothing new.
            request_id = hashlib.sha256(f"{batch.id}/{recording.id}".encode()).hexdigest()[:16]
            wanted = analysis_request(recording, wish, request_id=request_id, lane=batch.lane, batch_id=batch.id)
            await self._analyses.ask([wanted])
            tasks.append(f"{recording.id}/{request_id}")
        return tasks

    async def _known(self, batch: BatchDocument, recording_id: str) -> RecordingDocument:
        recording = await self._reads.of_project(batch.project_id, recording_id)
        if recording is None:
            raise ProblemError(404, "not_found", f"There is no recording {recording_id} any more.")
        return recording

    async def _stop(self, batch: BatchDocument) -> None:
        after = -1
        while items := await self._batches.items(
            batch.id, states=[State.PROCESSING], after=after, limit=_SETTLED_TOGETHER
        ):
            ids = [each.recording_id for each in items if each.recording_id is not None]
            await self._interventions.cancel(batch.project_id, ids)
            after = items[-1].number

    async def _settle(self, batch: BatchDocument) -> bool:
        """Note how items ended; return whether any is open still."""
        after, is_open = -1, False
        while items := await self._batches.items(
            batch.id, states=[State.PROCESSING], after=after, limit=_SETTLED_TOGETHER
        ):
            states = await self._states.of(items)
            ended = {id_: (state, fault) for id_, (state, fault) in states.items() if state.is_terminal}
            await self._batches.settle(ended)
            is_open = is_open or len(ended) < len(items)
            after = items[-1].number
        return is_open or bool(await self._batches.items(batch.id, states=[State.QUEUED], limit=1))
