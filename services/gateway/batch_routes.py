"""Routes of batches: made, looked at, retried, cancelled."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter

from chassis.problems import ProblemError
from contracts.vocabulary import Lane, State

from .access import READ, WRITE
from .analyses import check_wish
from .batch_runner import BatchRunner
from .batch_views import BatchPage, BatchPlan, BatchView, ItemPage, NewBatch, RefusedItem, batch_view, item_view
from .batches import Batches
from .batching import BatchDesk, Order
from .keys import Caller
from .projects import opened_project
from .reads import Reads
from .urgency import lane_of

# Ten thousand items whose keys are long.
BODY_BYTES_MAX = 15_000_000

_PLANNED = {200: ResponseSpec(BatchPlan, generate_examples=False, description="What it would do, and cost.")}


class BatchController(Controller):
    """What clients do with many recordings at once."""

    path = "/batches"
    tags = ("batches",)

    @post(
        operation_id="createBatch",
        needs=WRITE,
        status_code=202,
        problems=(404, 507),
        responses=_PLANNED,
        request_max_body_size=BODY_BYTES_MAX,
    )
    async def create(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        batch_desk: BatchDesk,
        batches: Batches,
        data: NewBatch,
        *,
        dry_run: bool = False,
    ) -> Response[BatchView | BatchPlan]:
        """Have many recordings taken in or worked on again, in the background; refused items do not stop the others.

        Items are objects of the project's inbox, `s3://<bucket>/inbox/<project>/…`, or recordings that are here, for
        which `rendering` and `analysis` say what is wanted. With `dry_run` nothing is done: it is checked and priced.
        """
        project_id = opened_project(request.user, data.project)
        if data.analysis is not None:
            check_wish(data.analysis, await reads.extractors())
        lane = lane_of(None, data.priority, Lane.BULK)
        order = Order(project_id, data.name, lane, data.rendering, data.analysis)
        if dry_run:
            return Response(await batch_desk.plan(request.user, order, data.items), status_code=200)
        batch, items = await batch_desk.take(request.user, order, data.items)
        refused = [RefusedItem(number=each.number, error=each.error) for each in items if each.error is not None]
        shown = batch_view(batch, await batches.counts(batch.id), refused)
        return Response(shown, status_code=202, headers={"Location": shown.links["self"]})

    @get(operation_id="listBatches", needs=READ)
    async def page(
        self,
        request: Request[Caller, Any, Any],
        batches: Batches,
        cursor: Annotated[str | None, QueryParameter(max_length=40)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    ) -> BatchPage:
        """List the batches of the caller's projects, newest first."""
        found = await batches.newest(request.user, limit + 1, _moment(cursor))
        shown = [batch_view(each, await batches.counts(each.id)) for each in found[:limit]]
        more = found[limit - 1].created_at.isoformat() if len(found) > limit else None
        return BatchPage(items=shown, next_cursor=more)

    @get("/{batch_id:str}", operation_id="getBatch", needs=READ)
    async def one(self, request: Request[Caller, Any, Any], batches: Batches, batch_id: str) -> BatchView:
        """Say how far a batch is."""
        batch = await batches.one(request.user, batch_id)
        return batch_view(batch, await batches.counts(batch.id))

    @get("/{batch_id:str}/items", operation_id="listBatchItems", needs=READ)
    async def items(
        self,
        request: Request[Caller, Any, Any],
        batches: Batches,
        batch_id: str,
        status: Annotated[list[State] | None, QueryParameter(max_items=7, description="Any of them.")] = None,
        cursor: Annotated[int, QueryParameter(ge=-1, le=2**31)] = -1,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> ItemPage:
        """List the items of a batch in their order, with what went wrong."""
        batch = await batches.one(request.user, batch_id)
        found = await batches.items(batch.id, states=status or (), after=cursor, limit=limit + 1)
        more = str(found[limit - 1].number) if len(found) > limit else None
        return ItemPage(items=[item_view(each) for each in found[:limit]], next_cursor=more)

    @post("/{batch_id:str}/retry-failed", operation_id="retryFailedItems", needs=WRITE, status_code=202)
    async def retry_failed(
        self, request: Request[Caller, Any, Any], batches: Batches, batch_runner: BatchRunner, batch_id: str
    ) -> BatchView:
        """Have those items taken up again that failed or were cancelled; the others are left alone."""
        batch = await batches.one(request.user, batch_id)
        await batches.retry(batch)
        batch_runner.wake()
        return await self._now(request.user, batches, batch_id)

    @post("/{batch_id:str}/cancel", operation_id="cancelBatch", needs=WRITE, status_code=202)
    async def cancel(
        self, request: Request[Caller, Any, Any], batches: Batches, batch_runner: BatchRunner, batch_id: str
    ) -> BatchView:
        """Stop a batch: what waits is not taken up, and all work on its recordings ends; what is done stays."""
        batch = await batches.one(request.user, batch_id)
        await batches.cancel(batch)
        batch_runner.wake()
        return await self._now(request.user, batches, batch_id)

    async def _now(self, caller: Caller, batches: Batches, batch_id: str) -> BatchView:
        return batch_view(await batches.one(caller, batch_id), await batches.counts(batch_id))


def _moment(cursor: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(cursor) if cursor is not None else None
    except ValueError as error:
        raise _bad_cursor() from error
    if moment is not None and moment.tzinfo is None:
        raise _bad_cursor()
    return moment


def _bad_cursor() -> ProblemError:
    return ProblemError(400, "bad_cursor", "This cursor is none of this list; begin again without one.")
