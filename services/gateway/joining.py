"""Uploads that are part of a batch."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

from chassis.problems import ProblemError
from contracts.batches import BatchDocument
from contracts.vocabulary import Fault, State

from .batches import Batches


def project_of(batch: BatchDocument | None, project: str | None) -> str | None:
    """Return the project that is meant. Raises a problem, 400, where the batch is of another one."""
    if batch is None or project == batch.project_id:
        return project
    if project is not None:
        raise ProblemError(400, "bad_request", f"The batch {batch.id} is of the project {batch.project_id}.")
    return batch.project_id


async def joined(
    batches: Batches, batch: BatchDocument, sent: Awaitable[tuple[int, dict[str, Any]]]
) -> tuple[int, dict[str, Any]]:
    """Return what `sent` answers, once the batch has what became of it; bytes that are no recording count, too."""
    now = datetime.now(UTC)
    try:
        status, answer = await sent
    except ProblemError as error:
        if "recording_id" in error.extra:
            fault = Fault(code=error.code, sentence=error.detail, next_step=error.next_step or "Send another one.")
            refused = {"recording_id": error.extra["recording_id"], "state": State.FAILED, "error": fault}
            await batches.append(batch, begun_at=now, **refused)
        raise
    duplicate = "duplicate_of" in answer or answer.get("duplicate", False)
    taken = {"recording_id": answer["id"], "state": State.PROCESSING, "duplicate": duplicate}
    await batches.append(batch, begun_at=now, **taken)
    return status, answer
