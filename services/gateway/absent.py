"""Honest answers about results that are not there: not yet, failed, or never."""

from typing import Any

from litestar import MediaType, Response

from chassis.problems import ProblemError
from chassis.tracing import trace_id
from contracts.documents import TaskDocument
from contracts.vocabulary import State

from .reads import Found
from .views import TaskView

RETRY_AFTER_S = 2


def not_there(found: Found, task: TaskDocument | None, status: TaskView) -> Response[Any]:
    """Return 202 with the status while the result may come; raise 409 where it failed, 404 where none will come."""
    fault = found.recording.error or (task.error if task is not None else None)
    if status.status in (State.QUEUED, State.PROCESSING):
        body = {**status.model_dump(mode="json"), "trace_id": trace_id()}
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return Response(body, status_code=202, media_type=MediaType.JSON, headers=headers)
    if status.status == "not_requested":
        raise ProblemError(
            404,
            "not_requested",
            "Nobody asked for images with these parameters yet.",
            next_step="Ask for the image with them first: that has it rendered.",
        )
    if status.status is State.CANCELLED:
        raise ProblemError(
            409, "cancelled", "The work on this was cancelled.", next_step="Ask for …/retry to have it done after all."
        )
    if fault is not None:
        raise ProblemError(409, fault.code, fault.sentence, next_step=fault.next_step)
    raise ProblemError(404, "not_found", "This recording has no such result.")
