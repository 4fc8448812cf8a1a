"""Routes of recordings: send one, see one, see them all."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.params import QueryParameter

from contracts.vocabulary import Lane

from .access import READ, UPLOAD
from .features import conditions, order
from .forwarding import IngestDoor
from .keys import Caller
from .progress import ProgressBoard
from .projects import Projects, opened_project
from .reads import Reads
from .search import Where
from .searchables import Searchables
from .views import RecordingPage, RecordingView, links, overall_status, summary, view


@dataclass
class _UploadOperation(Operation):
    """Describes the body, which is streamed on and therefore has no parameter of its own."""

    def __post_init__(self) -> None:
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


@dataclass(frozen=True)
class _Asked:
    where: list[str]
    sort: str | None
    cursor: str | None
    limit: int


class RecordingController(Controller):
    """What clients do with recordings."""

    path = "/recordings"
    tags = ("recordings",)

    @post(
        operation_id="uploadRecording",
        needs=UPLOAD,
        problems=(404, 408, 413, 415, 422),
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
        project: str | None = None,
        lane: Lane = Lane.INTERACTIVE,
        name: Annotated[str | None, QueryParameter(max_length=255)] = None,
    ) -> Response[dict[str, Any]]:
        """Send a recording: 202 once it is durable; 200 and `duplicate_of` when the same bytes are here already."""
        project_id = opened_project(request.user, project)
        rendering = await projects.rendering(project_id)
        status, answer = await ingest.forward(request, project_id=project_id, rendering=rendering, lane=lane, name=name)
        if "duplicate_of" in answer:
            found = await reads.recording(request.user, answer["id"])
            answer["status"] = overall_status(found.recording, found.spectrogram, found.analysis)
        where = links(answer["id"])
        return Response({**answer, "links": where}, status_code=status, headers={"Location": where["self"]})

    @get(operation_id="listRecordings", needs=READ)
    async def page(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        searchables: Searchables,
        cursor: Annotated[str | None, QueryParameter(max_length=500)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        where: Where = None,
        sort: Annotated[str | None, QueryParameter(max_length=200)] = None,
    ) -> RecordingPage:
        """List the recordings of the caller's projects, newest first; or those that meet all conditions, in any order.

        `where` and `sort` name features by extractor, measure and statistic: `where=tempo.bpm:118..122` (any number
        of them), `sort=-spectral.centroid.mean`, the highest first. Then only analysed recordings are listed, and
        `features` holds what was asked for.
        """
        if where or sort:
            return await _found(request.user, reads, searchables, _Asked(where or [], sort, cursor, limit))
        found, next_cursor = await reads.page(request.user, cursor, limit)
        lines = [summary(each.recording, each.spectrogram, each.analysis) for each in found]
        return RecordingPage(items=lines, next_cursor=next_cursor)

    @get("/{recording_id:str}", operation_id="getRecording", needs=READ)
    async def one(
        self, request: Request[Caller, Any, Any], reads: Reads, progress: ProgressBoard, recording_id: str
    ) -> RecordingView:
        """Say where a recording stands, what it is, what came of it, and what went wrong."""
        found = await reads.recording(request.user, recording_id)
        return view(found.recording, found.spectrogram, found.analysis, progress.of)


async def _found(caller: Caller, reads: Reads, searchables: Searchables, asked: _Asked) -> RecordingPage:
    sort = order(asked.sort)
    lines, next_cursor = await searchables.page(caller, conditions(asked.where), sort, asked.cursor, asked.limit)
    known = await reads.recordings(caller, [line.recording_id for line in lines])
    items = [
        summary(found.recording, found.spectrogram, found.analysis).model_copy(update={"features": line.features})
        for line in lines
        if (found := known.get(line.recording_id)) is not None
    ]
    return RecordingPage(items=items, next_cursor=next_cursor)
