"""The routes of the earlier audio processor, with its words: a task is an item of a batch."""

import asyncio
import time
from typing import Annotated, Any, Literal

from litestar import Request, Response, get, post
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter
from pydantic import BaseModel, ConfigDict, Field

from chassis.objects import ObjectStore
from contracts.analysing import AnalysisWish, Name
from contracts.batches import BATCH_ITEMS_MAX, BatchItemDocument
from contracts.vocabulary import Fault, Lane, State

from .access import READ, WRITE
from .analyses import check_wish
from .batch_routes import BODY_BYTES_MAX
from .batch_views import NewItem
from .batches import OPEN, Batches
from .batching import BatchDesk, Order
from .item_states import ItemStates
from .keys import Caller
from .progress import ProgressBoard
from .projects import opened_project
from .reads import Found, Reads
from .views import links

WAIT_MAX_S = 60.0
_LOOKED_EVERY_S = 0.25
_WORDS: dict[State, "Word"] = {
    State.QUEUED: "pending",
    State.PROCESSING: "processing",
    State.COMPLETED: "completed",
    # An extractor that failed says so in the manifest.
    State.PARTIAL: "completed",
}
_CANCELLED = Fault(code="cancelled", sentence="The task was cancelled.", next_step="Ask for …/retry.")

Word = Literal["pending", "processing", "completed", "failed"]
Id = Annotated[str, Field(min_length=1, max_length=200)]


class Process(BaseModel):
    """One recording that is to be analysed."""

    model_config = ConfigDict(extra="forbid")

    input_uri: Annotated[str, Field(max_length=2000)] = Field(
        description="An object of the project's inbox.", examples=["s3://dawnchorus/inbox/default/a.wav"]
    )
    video_id: Id = Field(description="What you call it.", examples=["a"])
    extractors: list[Name] | None = Field(None, min_length=1, max_length=100, description="Besides the usual ones.")
    use_gpu: bool = Field(False, description="Ignored: each extractor runs on the device that GET /v1/extractors says.")


class Processes(BaseModel):
    """Several recordings that are to be analysed alike."""

    model_config = ConfigDict(extra="forbid")

    items: list[Process] = Field(min_length=1, max_length=BATCH_ITEMS_MAX)


class Task(BaseModel):
    """Where a task stands, in the earlier system's words."""

    task_id: str
    video_id: str
    status: Word
    progress: int = Field(ge=0, le=100, description="Percent.")
    error: Fault | None
    recording_id: str | None
    links: dict[str, str]


class TaskBatch(BaseModel):
    """The tasks of one request, in its order."""

    batch_id: str
    tasks: list[Task]
    links: dict[str, str]


_DONE = {200: ResponseSpec(dict[str, Any], generate_examples=False, description="With `wait`: the manifest.")}


class Tasks:
    """Looks tasks up."""

    def __init__(
        self, batches: Batches, states: ItemStates, reads: Reads, objects: ObjectStore, progress: ProgressBoard
    ) -> None:
        self._batches = batches
        self._states = states
        self._reads = reads
        self._objects = objects
        self._progress = progress

    async def one(self, caller: Caller, task_id: str) -> Task:
        """Return where a task stands; an unknown one, or somebody else's, is a 404."""
        _, item = await self._batches.item(caller, task_id)
        state, error = await self._state(item)
        found = (
            (await self._reads.recordings(caller, [item.recording_id])).get(item.recording_id)
            if (item.recording_id is not None)
            else None
        )
        return _task(item, state, error, self._percent(state, found))

    async def manifest(self, caller: Caller, task_id: str, wait_s: float) -> bytes | Task:
        """Return the manifest as soon as it is there, or where the task stands when the time is over."""
        until = time.monotonic() + wait_s
        while True:
            task = await self.one(caller, task_id)
            if task.status not in ("pending", "processing") or time.monotonic() >= until:
                break
            await asyncio.sleep(_LOOKED_EVERY_S)
        if task.status != "completed" or task.recording_id is None:
            return task
        analysis = (await self._reads.recording(caller, task.recording_id)).analysis
        if analysis is None or analysis.manifest_key is None:
            return task
        return await self._objects.get(analysis.manifest_key)

    async def _state(self, item: BatchItemDocument) -> tuple[State, Fault | None]:
        if item.state not in OPEN:
            return item.state, item.error
        return (await self._states.of([item]))[item.id]

    def _percent(self, state: State, found: Found | None) -> int:
        if state.is_terminal:
            return 100
        parts = (found.spectrogram, found.analysis) if found is not None else (None, None)
        shares = [
            1.0 if part.state.is_terminal else self._progress.of(part) or 0.0 for part in parts if part is not None
        ]
        return min(99, int(100 * sum(shares) / len(parts)))


@post(
    "/process",
    operation_id="processRecording",
    needs=WRITE,
    problems=(404, 507),
    tags=["earlier"],
    status_code=202,
    responses=_DONE,
)
async def process(
    request: Request[Caller, Any, Any],
    reads: Reads,
    batch_desk: BatchDesk,
    earlier_tasks: Tasks,
    data: Process,
    project: Annotated[str | None, QueryParameter(max_length=100)] = None,
    wait: Annotated[float, QueryParameter(ge=0, le=WAIT_MAX_S, description="Seconds to wait for the manifest.")] = 0,
) -> Response[Any]:
    """Have a recording taken in and analysed: 202 and the task; with `wait`, its manifest where it is there in time."""
    order = await _order(request.user, reads, project, data.extractors, Lane.INTERACTIVE)
    _, [item] = await batch_desk.take(request.user, order, [NewItem(uri=data.input_uri[:1100], name=data.video_id)])
    made = await earlier_tasks.manifest(request.user, item.id, wait)
    if isinstance(made, bytes):
        return Response(made, status_code=200, media_type="application/json")
    return Response(made, status_code=202, headers={"Location": made.links["self"]})


@post(
    "/batch",
    operation_id="processBatch",
    needs=WRITE,
    problems=(404, 507),
    tags=["earlier"],
    status_code=202,
    request_max_body_size=BODY_BYTES_MAX,
)
async def process_batch(
    request: Request[Caller, Any, Any],
    reads: Reads,
    batch_desk: BatchDesk,
    data: Processes,
    project: Annotated[str | None, QueryParameter(max_length=100)] = None,
) -> TaskBatch:
    """Have several recordings taken in and analysed, each a task; the extractors named by any are run on all."""
    named = sorted({name for each in data.items for name in each.extractors or ()})
    order = await _order(request.user, reads, project, named or None, Lane.BULK)
    wanted = [NewItem(uri=each.input_uri[:1100], name=each.video_id) for each in data.items]
    batch, items = await batch_desk.take(request.user, order, wanted)
    tasks = [_task(each, each.state, each.error, 100 if each.state.is_terminal else 0) for each in items]
    return TaskBatch(batch_id=batch.id, tasks=tasks, links={"self": f"/v1/batches/{batch.id}"})


@get("/status/{task_id:str}", operation_id="getTaskStatus", needs=READ, tags=["earlier"])
async def get_task_status(request: Request[Caller, Any, Any], earlier_tasks: Tasks, task_id: str) -> Task:
    """Say where a task stands; an unknown one is 404."""
    return await earlier_tasks.one(request.user, task_id)


async def _order(caller: Caller, reads: Reads, project: str | None, extractors: list[str] | None, lane: Lane) -> Order:
    project_id = opened_project(caller, project)
    if extractors is None:
        return Order(project_id, "", lane)
    wish = AnalysisWish(extractors=tuple(extractors))
    check_wish(wish, await reads.extractors())
    return Order(project_id, "", lane, wish=wish)


def _task(item: BatchItemDocument, state: State, error: Fault | None, percent: int) -> Task:
    word: Word = _WORDS.get(state, "failed")
    self = f"/v1/status/{item.id}"
    followed = links(item.recording_id) if item.recording_id is not None else {}
    if state is State.CANCELLED:
        error = _CANCELLED
    return Task(
        task_id=item.id,
        video_id=item.name or "",
        status=word,
        progress=percent,
        error=error if word == "failed" else None,
        recording_id=item.recording_id,
        links={**followed, "self": self},
    )
