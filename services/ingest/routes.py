"""The door of ingest; the gateway is the only one who comes through it."""

from typing import Annotated, Any

from litestar import Request, Response, patch, post
from litestar.params import HeaderParameter

from chassis.bodies import RequestBody
from chassis.errors import StorageFullError, UnprocessableError
from chassis.guards import Guards
from chassis.problems import ProblemError
from chassis.tracing import trace_id
from contracts.changing import Deleted, Deletion, RecordingChange
from contracts.interventions import Selection
from contracts.rendering import RenderParameters
from contracts.vocabulary import BATCH_HEADER, RENDERING_HEADER, Lane, State

from .changes import ChangeDesk
from .digests import asked_digests, verified
from .drafts import Upload
from .forms import open_body
from .interventions import InterventionDesk
from .room import Room
from .uploads import RejectedError, UploadDesk

# Everything else that is wrong with a recording is 422.
STATUSES = {"too_large": 413, "unsupported": 415, "malformed_form": 400, "bad_digest": 400, "digest_mismatch": 400}


@post("/recordings", request_max_body_size=None, status_code=202)
async def take_recording(
    request: Request[Any, Any, Any],
    desk: UploadDesk,
    guards: Guards,
    room: Room,
    project_id: Annotated[str, HeaderParameter(name="X-Project")],
    rendering: Annotated[str | None, HeaderParameter(name=RENDERING_HEADER)] = None,
    idempotency_key: Annotated[str | None, HeaderParameter(name="Idempotency-Key")] = None,
    batch_id: Annotated[str | None, HeaderParameter(name=BATCH_HEADER)] = None,
    lane: Lane = Lane.INTERACTIVE,
    name: str | None = None,
) -> Response[dict[str, Any]]:
    """Stream a recording to S3, make it durable, and answer 202; 200 when the same bytes were here before."""
    wanted = RenderParameters.model_validate_json(rendering) if rendering is not None else None
    guards.check_storing()
    body = RequestBody(request)
    try:
        room.check(announced_bytes(request.headers.get("content-length", "")))
        # Of the whole body, whatever is in it: a form has other bytes than its recording.
        chunks = verified(aiter(body), asked_digests(request.headers))
        named = await open_body(request.headers.get("content-type", ""), name, chunks)
        upload = Upload(project_id, named.name, lane, named.chunks, wanted, idempotency_key, batch_id)
        accepted = await desk.accept(upload)
    except RejectedError as error:
        raise problem_of(error) from error
    except (UnprocessableError, StorageFullError):
        await body.drain(desk.max_upload_bytes)
        raise
    answer = {"id": accepted.recording_id, "status": State.QUEUED, "trace_id": trace_id()}
    if not accepted.duplicate:
        return Response(answer, status_code=202)
    return Response({**answer, "duplicate_of": accepted.recording_id}, status_code=200)


@patch("/recordings/{recording_id:str}", status_code=204)
async def change_recording(
    changes: ChangeDesk,
    recording_id: str,
    data: RecordingChange,
    project_id: Annotated[str, HeaderParameter(name="X-Project")],
) -> None:
    """Write what a client says of a recording."""
    await changes.change(project_id, recording_id, data)


@post("/deletions", status_code=200)
async def delete_recordings(changes: ChangeDesk, data: Deletion) -> Deleted:
    """Hide recordings from readers, and stop what works on them."""
    return await changes.delete(data.project_ids, data.recording_ids)


@post("/restorations", status_code=204)
async def restore_recordings(changes: ChangeDesk, data: Deletion) -> None:
    """Show deleted recordings again."""
    for recording_id in data.recording_ids:
        await changes.restore(data.project_ids, recording_id)


@post("/cancellations", status_code=200)
async def cancel_work(interventions: InterventionDesk, data: Selection) -> tuple[str, ...]:
    """Have no more done on recordings; answered with those that are there."""
    return await interventions.cancel(data)


@post("/retries", status_code=200)
async def retry_work(interventions: InterventionDesk, data: Selection) -> tuple[str, ...]:
    """Have done again what failed of recordings; answered with those that are there."""
    return await interventions.retry(data)


def announced_bytes(content_length: str) -> int:
    """Return how many bytes a request says that it brings; 0 where it does not say."""
    return int(content_length) if content_length.isdecimal() else 0


def problem_of(error: RejectedError) -> ProblemError:
    """Return the answer to bytes that are no recording."""
    cause = error.cause
    return ProblemError(
        STATUSES.get(cause.code, 422),
        cause.code,
        str(cause),
        next_step=cause.next_step,
        recording_id=error.recording_id,
    )
