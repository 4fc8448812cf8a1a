"""The door of ingest; the gateway is the only one who comes through it."""

from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.params import HeaderParameter

from chassis.bodies import RequestBody
from chassis.errors import UnprocessableError
from chassis.problems import ProblemError
from chassis.tracing import trace_id
from contracts.rendering import RenderParameters
from contracts.vocabulary import RENDERING_HEADER, Lane, State

from .forms import open_body
from .uploads import RejectedError, Upload, UploadDesk

# Everything else that is wrong with a recording is 422.
STATUSES = {"too_large": 413, "unsupported": 415, "malformed_form": 400}


@post("/recordings", request_max_body_size=None, status_code=202)
async def take_recording(
    request: Request[Any, Any, Any],
    desk: UploadDesk,
    project_id: Annotated[str, HeaderParameter(name="X-Project")],
    rendering: Annotated[str | None, HeaderParameter(name=RENDERING_HEADER)] = None,
    lane: Lane = Lane.INTERACTIVE,
    name: str | None = None,
) -> Response[dict[str, Any]]:
    """Stream a recording to S3, make it durable, and answer 202; 200 when the same bytes were here before."""
    wanted = RenderParameters.model_validate_json(rendering) if rendering is not None else None
    body = RequestBody(request)
    try:
        named = await open_body(request.headers.get("content-type", ""), name, aiter(body))
        accepted = await desk.accept(Upload(project_id, named.name, lane, named.chunks, wanted))
    except RejectedError as error:
        raise _problem(error) from error
    except UnprocessableError:
        await body.drain(desk.max_upload_bytes)
        raise
    answer = {"id": accepted.recording_id, "status": State.QUEUED, "trace_id": trace_id()}
    if not accepted.duplicate:
        return Response(answer, status_code=202)
    return Response({**answer, "duplicate_of": accepted.recording_id}, status_code=200)


def _problem(error: RejectedError) -> ProblemError:
    cause = error.cause
    return ProblemError(
        STATUSES.get(cause.code, 422),
        cause.code,
        str(cause),
        next_step=cause.next_step,
        recording_id=error.recording_id,
    )
