"""Wishes to have a recording analysed again: checked against what there is, kept, and announced."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from litestar import Request, Response, post

from chassis.clock import now_ms
from chassis.documents import Collection, insert_new
from chassis.outbox import OutboxRelay, outbox_entry
from chassis.problems import ProblemError
from contracts.analysing import AnalysisWish
from contracts.documents import ExtractorDocument, RecordingDocument
from contracts.envelope import envelop, event_id
from contracts.events import AnalysisRequested
from contracts.vocabulary import Lane, State
from contracts.watching import Watch
from contracts.wish_documents import AnalysisRequestDocument

from .access import WRITE
from .keys import Caller
from .reads import Reads
from .renderings import SOURCE, stored
from .urgency import Priority, lane_of
from .views import links


class AnalysisRequests:
    """Wishes, one document each, with the event that announces it."""

    def __init__(self, collection: Collection, relay: OutboxRelay) -> None:
        self._collection = collection
        self._relay = relay

    async def ask(self, documents: Iterable[AnalysisRequestDocument]) -> int:
        """Make wishes known, unless they are already; return how many were new."""
        new = await insert_new(self._collection, [stored(each) for each in documents])
        self._relay.wake()
        return new


def analysis_request(
    recording: RecordingDocument,
    wish: AnalysisWish,
    *,
    request_id: str,
    lane: Lane,
    batch_id: str | None = None,
    requested_at: datetime | None = None,
) -> AnalysisRequestDocument:
    """Return the document of a wish. Raises a problem where the recording has no audio."""
    if recording.audio is None:
        fault = recording.error
        raise ProblemError(409, fault.code if fault else "not_found", "This recording has no audio to analyse.")
    now = requested_at or now_ms()
    event = AnalysisRequested(
        recording_id=recording.id,
        project_id=recording.project_id,
        lane=lane,
        batch_id=batch_id,
        request_id=request_id,
        sha256=recording.sha256,
        size_bytes=recording.size_bytes,
        container=recording.audio.container,
        duration_claimed_s=recording.audio.duration_claimed_s,
        wish=wish,
        requested_at=now,
    )
    id_ = event_id(event, parameters_id=request_id)
    return AnalysisRequestDocument(
        id=f"{recording.id}/analysis/{request_id}",
        recording_id=recording.id,
        project_id=recording.project_id,
        request_id=request_id,
        wish=wish.model_dump_json(),
        lane=lane,
        audio_s=recording.audio.duration_claimed_s,
        batch_id=batch_id,
        requested_at=now,
        watch=Watch.begun(now),
        outbox=(outbox_entry(envelop(event, source=SOURCE, id_=id_, time=now)),),
    )


@post(
    "/recordings/{recording_id:str}/analysis",
    operation_id="requestAnalysis",
    needs=WRITE,
    problems=(409,),
    tags=["results"],
    status_code=202,
)
async def request_analysis(
    request: Request[Caller, Any, Any],
    reads: Reads,
    analysis_requests: AnalysisRequests,
    recording_id: str,
    data: AnalysisWish | None = None,
    lane: Lane | None = None,
    priority: Priority = None,
) -> Response[dict[str, Any]]:
    """Have a recording analysed again: what is missing, stale, failed, or was asked for in another way.

    What is still right is kept; the results stay readable meanwhile, and `…/analysis/status` says how far it is.
    """
    wish = data or AnalysisWish()
    found = await reads.recording(request.user, recording_id)
    check_wish(wish, await reads.extractors())
    request_id, asked_lane = secrets.token_hex(8), lane_of(lane, priority)
    await analysis_requests.ask([analysis_request(found.recording, wish, request_id=request_id, lane=asked_lane)])
    status = f"{links(recording_id)['analysis']}/status"
    return Response(
        {"id": recording_id, "request_id": request_id, "status": State.QUEUED, "links": {"status": status}},
        status_code=202,
        headers={"Location": status},
    )


def check_wish(wish: AnalysisWish, available: list[ExtractorDocument]) -> None:
    """Raise a problem, 400, where an extractor is wished for that there is not."""
    known = {each.id for each in available}
    unknown = sorted({*(wish.extractors or ()), *wish.parameters} - known)
    if unknown:
        raise ProblemError(
            400,
            "unknown_extractor",
            f"There is no extractor named {', '.join(unknown)}; there are {', '.join(sorted(known))}.",
            next_step="Ask for one of the extractors that GET /v1/extractors lists.",
        )
