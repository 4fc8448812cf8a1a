"""Routes of large recordings: sent in parts straight to S3, resumed after an interruption, completed here."""

from datetime import datetime
from typing import Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.openapi import ResponseSpec
from pydantic import BaseModel, Field

from contracts.documents import UploadDocument
from contracts.uploading import NewUpload, PartNumbers, UploadOrder
from contracts.vocabulary import Lane

from .access import UPLOAD
from .batches import Batches
from .forwarding import IngestDoor
from .joining import joined, project_of
from .keys import Caller
from .projects import Projects, opened_project
from .reads import Reads
from .urgency import lane_of
from .views import links, overall_status

_KNOWN_ALREADY = {
    200: ResponseSpec(dict[str, Any], generate_examples=False, description="The same bytes are here already.")
}


class UploadView(BaseModel):
    """An upload in parts, each of `part_bytes` but for the last, numbered from 1."""

    id: str = Field(description="Of the upload, and of the recording that comes of it.")
    name: str
    project: str
    size_bytes: int
    part_bytes: int
    parts: int
    stored: list[int] = Field(description="Numbers of the parts that are there: the others are to be sent.")
    expires_at: datetime = Field(description="What is not completed by then is given up.")
    links: dict[str, str]


class PartUrl(BaseModel):
    """Where a part goes: `PUT` exactly its bytes there, with no header of ours."""

    number: int
    offset_bytes: int
    size_bytes: int
    url: str


class PartUrls(BaseModel):
    """Addresses that are good for an hour."""

    items: list[PartUrl]


class UploadController(Controller):
    """What clients do with large recordings."""

    path = "/uploads"
    tags = ("recordings",)

    @post(operation_id="beginUpload", needs=UPLOAD, problems=(404, 413, 507))
    async def begin(
        self,
        request: Request[Caller, Any, Any],
        projects: Projects,
        batches: Batches,
        ingest: IngestDoor,
        data: NewUpload,
    ) -> Response[UploadView]:
        """Begin a recording that is sent in parts; ask for the addresses of the parts next."""
        part_of = await batches.one(request.user, data.batch) if data.batch is not None else None
        project_id = opened_project(request.user, project_of(part_of, data.project))
        order = UploadOrder(
            upload=data,
            project_id=project_id,
            lane=lane_of(data.lane, data.priority, part_of.lane if part_of is not None else Lane.INTERACTIVE),
            batch_id=data.batch,
            rendering=await projects.rendering(project_id),
        )
        document = UploadDocument.model_validate(await ingest.ask("POST", "/uploads", order))
        shown = _view(document, [])
        return Response(shown, status_code=201, headers={"Location": shown.links["self"]})

    @get("/{upload_id:str}", operation_id="getUpload", needs=UPLOAD)
    async def one(
        self, request: Request[Caller, Any, Any], reads: Reads, ingest: IngestDoor, upload_id: str
    ) -> UploadView:
        """Say which parts are there: after an interruption only the others need to be sent."""
        document = await reads.upload(request.user, upload_id)
        return _view(document, await ingest.ask("GET", f"/uploads/{document.id}/parts"))

    @post("/{upload_id:str}/urls", operation_id="getPartUrls", needs=UPLOAD, status_code=200)
    async def urls(
        self, request: Request[Caller, Any, Any], reads: Reads, ingest: IngestDoor, upload_id: str, data: PartNumbers
    ) -> PartUrls:
        """Give the addresses of up to 100 parts, each good for an hour."""
        document = await reads.upload(request.user, upload_id)
        urls = await ingest.ask("POST", f"/uploads/{document.id}/urls", data)
        items = [
            PartUrl(
                number=number,
                offset_bytes=(number - 1) * document.part_bytes,
                size_bytes=document.part_size_bytes(number),
                url=url,
            )
            for number, url in zip(data.numbers, urls, strict=True)
        ]
        return PartUrls(items=items)

    @post(
        "/{upload_id:str}/complete",
        operation_id="completeUpload",
        needs=UPLOAD,
        problems=(409, 415, 422),
        status_code=202,
        responses=_KNOWN_ALREADY,
    )
    async def complete(
        self, request: Request[Caller, Any, Any], reads: Reads, batches: Batches, ingest: IngestDoor, upload_id: str
    ) -> Response[dict[str, Any]]:
        """Make a recording of the parts: answered as a recording is that was sent in one piece.

        Its size and hash are checked on what S3 holds; parts that are missing are named.
        """
        document = await reads.upload(request.user, upload_id)

        async def completed() -> tuple[int, dict[str, Any]]:
            return 202, await ingest.ask("POST", f"/uploads/{document.id}/complete")

        if document.batch_id is None:
            _, said = await completed()
        else:
            part_of = await batches.one(request.user, document.batch_id)
            _, said = await joined(batches, part_of, completed())
        found = await reads.recording(request.user, said["id"])
        status = overall_status(found.recording, found.spectrogram, found.analysis)
        where = links(said["id"])
        answer = {"id": said["id"], "status": status, "trace_id": found.recording.trace_id, "links": where}
        if said["duplicate"]:
            return Response({**answer, "duplicate_of": said["id"]}, status_code=200)
        return Response(answer, status_code=202, headers={"Location": where["self"]})

    @delete("/{upload_id:str}", operation_id="abortUpload", needs=UPLOAD, problems=(409,))
    async def abort(self, request: Request[Caller, Any, Any], reads: Reads, ingest: IngestDoor, upload_id: str) -> None:
        """Give an upload up; its parts are removed."""
        document = await reads.upload(request.user, upload_id)
        await ingest.ask("DELETE", f"/uploads/{document.id}")


def _view(document: UploadDocument, stored: list[int]) -> UploadView:
    self = f"/v1/uploads/{document.id}"
    return UploadView(
        id=document.id,
        name=document.name,
        project=document.project_id,
        size_bytes=document.size_bytes,
        part_bytes=document.part_bytes,
        parts=document.parts,
        stored=stored,
        expires_at=document.expires_at,
        links={"self": self, "urls": f"{self}/urls", "complete": f"{self}/complete"},
    )
