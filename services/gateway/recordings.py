"""Routes of recordings: send one, see one, see them all."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, head, post
from litestar.di import Provide
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, RequestBody, Schema
from litestar.params import HeaderParameter, QueryParameter
from pydantic import BaseModel

from chassis.problems import PROBLEM_JSON, ProblemError
from contracts.vocabulary import Lane, State

from .access import READ, UPLOAD
from .batches import Batches
from .described import ExemplifiedOperation
from .features import conditions, order
from .forecast import Forecasts
from .forwarding import IngestDoor
from .joining import joined, project_of
from .keys import Caller
from .listing import Filters, Listing, Wanted
from .progress import ProgressBoard
from .projects import Projects, opened_project
from .reads import Reads
from .search import Where
from .sparse import LISTED
from .urgency import Priority, lane_of
from .views import RecordingSummary, RecordingView, links, overall_status, summary, view


@dataclass
class _UploadOperation(ExemplifiedOperation):
    """Describes the body, which is streamed on and therefore has no parameter of its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        binary = Schema(type="string", format="binary")  # type: ignore[arg-type]  # litestar wants its enum, takes both
        form = Schema(type="object", properties={"file": binary}, required=["file"])  # type: ignore[arg-type]
        self.request_body = RequestBody(
            description="The recording: as the field `file` of a form, or as the body itself.",
            content={
                "multipart/form-data": OpenAPIMediaType(schema=form),
                "application/octet-stream": OpenAPIMediaType(schema=binary),
            },
            required=True,
        )


_KNOWN_ALREADY = {
    200: ResponseSpec(dict[str, Any], generate_examples=False, description="The same bytes are here already.")
}


class RecordingPage(BaseModel):
    """A page of the list, newest first unless it was asked for otherwise."""

    items: list[RecordingSummary]
    next_cursor: str | None


Text = Annotated[str | None, QueryParameter(max_length=200)]
Seconds = Annotated[float | None, QueryParameter(ge=0)]


def asked_filters(
    project: Text = None,
    status: Annotated[list[State] | None, QueryParameter(max_items=7, description="Any of them.")] = None,
    has_failed: bool | None = None,
    name: Annotated[
        str | None,
        QueryParameter(max_length=200, pattern=r"^[^\x00-\x1f]*$", description="A part of the name, in any case."),
    ] = None,
    tag: Annotated[list[str] | None, QueryParameter(max_items=20, description="All of them.")] = None,
    recorded_from: datetime | None = None,
    recorded_to: datetime | None = None,
    duration_min_s: Seconds = None,
    duration_max_s: Seconds = None,
    *,
    deleted: bool = False,
) -> Filters:
    """Return what the query narrows the list by; dates without an offset are UTC, or local time where that is all."""
    return Filters(
        project=project,
        states=tuple(status or ()),
        has_failed=has_failed,
        name=name,
        tags=tuple(tag or ()),
        recorded_from=recorded_from,
        recorded_to=recorded_to,
        duration_min_s=duration_min_s,
        duration_max_s=duration_max_s,
        deleted=deleted,
    )


class RecordingController(Controller):
    """What clients do with recordings."""

    path = "/recordings"
    tags = ("recordings",)

    @post(
        operation_id="uploadRecording",
        needs=UPLOAD,
        problems=(404, 408, 413, 415, 422, 507),
        operation_class=_UploadOperation,
        status_code=202,
        responses=_KNOWN_ALREADY,
        request_max_body_size=None,
    )
    async def upload(
        self,
        request: Request[Caller, Any, Any],
        ingest: IngestDoor,
        reads: Reads,
        projects: Projects,
        batches: Batches,
        project: str | None = None,
        lane: Lane | None = None,
        priority: Priority = None,
        batch: Annotated[str | None, QueryParameter(max_length=64, description="The batch that it is part of.")] = None,
        name: Annotated[str | None, QueryParameter(max_length=255)] = None,
        idempotency_key: Annotated[
            str | None, HeaderParameter(name="Idempotency-Key", pattern="^[\x20-\x7e]{1,255}$")
        ] = None,
    ) -> Response[dict[str, Any]]:
        """Send a recording: 202 once it is durable; 200 and `duplicate_of` when the same bytes are here already.

        The same `Idempotency-Key` and bytes are answered the same for a day; with other bytes it is 422.
        `Content-Digest` (RFC 9530) or `Digest` (RFC 3230), sha-256 and sha-512, are compared with the body.
        """
        part_of = await batches.one(request.user, batch) if batch is not None else None
        project_id = opened_project(request.user, project_of(part_of, project))
        sent = ingest.forward(
            request,
            project_id=project_id,
            rendering=await projects.rendering(project_id),
            lane=lane_of(lane, priority, part_of.lane if part_of is not None else Lane.INTERACTIVE),
            name=name,
            idempotency_key=idempotency_key,
            batch_id=batch,
        )
        status, answer = await (sent if part_of is None else joined(batches, part_of, sent))
        if "duplicate_of" in answer:
            found = await reads.recording(request.user, answer["id"])
            answer["status"] = overall_status(found.recording, found.spectrogram, found.analysis)
        where = links(answer["id"])
        return Response({**answer, "links": where}, status_code=status, headers={"Location": where["self"]})

    @head(operation_id="findRecordingByHash", needs=READ, problems=(404,))
    async def of_bytes(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        sha256: Annotated[str, QueryParameter(pattern="^[0-9a-f]{64}$")],
        project: str | None = None,
    ) -> Response[None]:
        """Ask before sending: 200 and its `Location` where the project has these bytes already, 404 where it has not.

        Bytes of which nothing but failures came, and those of deleted recordings, are worth sending.
        """
        recording_id = await reads.of_bytes(opened_project(request.user, project), sha256)
        if recording_id is None:
            return Response(None, status_code=404, media_type=PROBLEM_JSON)
        return Response(None, headers={"Location": links(recording_id)["self"]})

    @get(
        operation_id="listRecordings",
        needs=READ,
        responses=LISTED,
        dependencies={"filters": Provide(asked_filters, sync_to_thread=False)},
    )
    async def page(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        listing: Listing,
        filters: Filters,
        cursor: Annotated[str | None, QueryParameter(max_length=500)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        where: Where = None,
        sort: Text = None,
        fields: Annotated[
            str | None, QueryParameter(max_length=500, description="`id,name,status`: no others.")
        ] = None,
    ) -> Response[RecordingPage]:
        """List the recordings of the caller's projects that meet all that is asked, newest first or as `sort` says.

        `sort` is `uploaded_at`, `recorded_at`, `name`, `duration_s` or a feature; `-name` goes the other way round.
        `where` and `sort` name features by extractor, measure and statistic: `where=tempo.bpm:118..122` (any number
        of them), `sort=-spectral.centroid.mean`, the highest first. Then only analysed recordings are listed, and
        `features` holds what was asked for. `deleted=true` lists those that can still be restored.
        """
        wanted = Wanted(filters, conditions(where or []), order(sort))
        lines, next_cursor = await listing.page(request.user, wanted, cursor, limit)
        ids = [line.recording_id for line in lines]
        known = await reads.recordings(request.user, ids, deleted=filters.deleted)
        items = [
            summary(found.recording, found.spectrogram, found.analysis).model_copy(update={"features": line.features})
            for line in lines
            if (found := known.get(line.recording_id)) is not None
        ]
        page = RecordingPage(items=items, next_cursor=next_cursor)
        return Response(page if fields is None else _sparse(page, fields))

    @get("/{recording_id:str}", operation_id="getRecording", needs=READ)
    async def one(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        forecasts: Forecasts,
        progress: ProgressBoard,
        recording_id: str,
    ) -> RecordingView:
        """Say where a recording stands, what it is, what came of it, what went wrong, and when it will be done."""
        found = await reads.recording(request.user, recording_id)
        shown = view(found.recording, found.spectrogram, found.analysis, progress.of)
        if shown.status.is_terminal:
            return shown
        forecast = await forecasts.of(found.recording, found.spectrogram, found.analysis, progress.of)
        return shown.model_copy(update={"forecast": forecast})


def _sparse(page: RecordingPage, fields: str) -> Any:  # noqa: ANN401 (a part of the page)
    names = {"id", *(each.strip() for each in fields.split(",") if each.strip())}
    if unknown := sorted(names - RecordingSummary.model_fields.keys()):
        known = ", ".join(RecordingSummary.model_fields)
        raise ProblemError(400, "bad_filter", f"There is no field {unknown[0][:64]}; there are {known}.")
    return page.model_dump(mode="json", include={"next_cursor": True, "items": {"__all__": names}})
