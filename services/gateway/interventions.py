"""Routes for work that is under way or over: cancel it, have what failed tried again, have it done in another way."""

import secrets
from collections.abc import Iterable
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Controller, Request, Response, post
from pydantic import BaseModel, ConfigDict, Field

from chassis.problems import ProblemError
from contracts.analysing import AnalysisWish
from contracts.documents import RecordingDocument
from contracts.interventions import RETRYABLE, Selection
from contracts.rendering import RenderParameters
from contracts.vocabulary import PRIORITY_MAX, Lane

from .access import WRITE
from .analyses import AnalysisRequests, analysis_request, check_wish
from .forwarding import IngestDoor
from .keys import Caller
from .reads import Found, Reads
from .renderings import RenderRequests, query_of
from .urgency import PRIORITY, lane_of
from .views import RecordingView, links, view
from .wishes import Wishes

# As many as ingest writes at once.
_TOGETHER = 500


class Reprocessing(BaseModel):
    """What is to be done with a recording; where nothing is named, what is missing, stale or failed of its analysis."""

    model_config = ConfigDict(extra="forbid")

    rendering: RenderParameters | None = Field(None, description="Images as these parameters say.")
    analysis: AnalysisWish | None = Field(None, description="Features as this says.")
    priority: Annotated[int, Field(ge=0, le=PRIORITY_MAX)] | None = Field(None, description=PRIORITY)


class Asked(BaseModel):
    """What was asked for, and where it can be followed."""

    id: str
    parameters_id: str | None = Field(description="Of the images; null: none were asked for.")
    request_id: str | None = Field(description="Of the analysis; null: none was asked for.")
    links: dict[str, str]


class Interventions:
    """Has work stopped or done again."""

    def __init__(self, ingest: IngestDoor, wishes: Wishes) -> None:
        self._ingest = ingest
        self._wishes = wishes

    async def cancel(self, project_id: str, recording_ids: Iterable[str]) -> None:
        """Have no more done on these recordings of a project."""
        await self._say("/cancellations", project_id, recording_ids)

    async def retry(self, project_id: str, recordings: Iterable[RecordingDocument]) -> None:
        """Have what failed, or was cancelled, of these recordings done again."""
        known = list(recordings)
        await self._say("/retries", project_id, (each.id for each in known))
        for each in known:
            await self._wishes.announce_again(each)

    async def _say(self, path: str, project_id: str, recording_ids: Iterable[str]) -> None:
        ids = list(recording_ids)
        for first in range(0, len(ids), _TOGETHER):
            chosen = tuple(ids[first : first + _TOGETHER])
            await self._ingest.ask("POST", path, Selection(project_ids=(project_id,), recording_ids=chosen))


class InterventionController(Controller):
    """What clients do with work."""

    path = "/recordings/{recording_id:str}"
    tags = ("work",)

    @post("/cancel", operation_id="cancelRecording", needs=WRITE, status_code=202)
    async def cancel(
        self, request: Request[Caller, Any, Any], reads: Reads, interventions: Interventions, recording_id: str
    ) -> RecordingView:
        """Stop all work on a recording: what waits is not begun, what runs ends within about a second.

        What is done already stays. Always possible; where nothing is open, nothing happens.
        """
        found = await reads.recording(request.user, recording_id)
        await interventions.cancel(found.recording.project_id, [found.recording.id])
        return _view(await reads.recording(request.user, recording_id))

    @post("/retry", operation_id="retryRecording", needs=WRITE, problems=(409,), status_code=202)
    async def retry(
        self, request: Request[Caller, Any, Any], reads: Reads, interventions: Interventions, recording_id: str
    ) -> RecordingView:
        """Have done again what failed or was cancelled, with new attempts; what went well is kept, and not done again.

        409 where nothing failed, and where the recording itself was refused.
        """
        found = await reads.recording(request.user, recording_id)
        if found.recording.audio is None:
            fault = found.recording.error
            raise ProblemError(409, fault.code if fault else "not_found", "This recording has no audio to work on.")
        if not await reads.is_retryable(found.recording):
            raise ProblemError(
                409,
                "nothing_failed",
                "Nothing of this recording failed or was cancelled.",
                next_step="To have it done in another way, ask for …/reprocess.",
            )
        await interventions.retry(found.recording.project_id, [found.recording])
        return _view(await reads.recording(request.user, recording_id))

    @post("/reprocess", operation_id="reprocessRecording", needs=WRITE, problems=(409,), status_code=202)
    async def reprocess(
        self,
        request: Request[Caller, Any, Any],
        reads: Reads,
        interventions: Interventions,
        analysis_requests: AnalysisRequests,
        render_requests: RenderRequests,
        recording_id: str,
        data: Reprocessing,
    ) -> Response[Asked]:
        """Have a recording rendered or analysed in another way; what is there stays readable meanwhile."""
        found = await reads.recording(request.user, recording_id)
        lane = lane_of(None, data.priority) if data.priority is not None else None
        wish = data.analysis if data.rendering is not None else data.analysis or AnalysisWish()
        request_id = None
        if wish is not None:
            check_wish(wish, await reads.extractors())
            request_id = secrets.token_hex(8)
            asked = analysis_request(found.recording, wish, request_id=request_id, lane=lane or Lane.INTERACTIVE)
            await analysis_requests.ask([asked])
        if data.rendering is not None:
            await render_requests.ask(found.recording, data.rendering, lane)
            task = await reads.spectrogram(found.recording, data.rendering.parameters_id)
            if task is not None and task.state in RETRYABLE:
                await interventions.retry(found.recording.project_id, [found.recording])
        return _asked(found, data.rendering, request_id)


def _asked(found: Found, rendering: RenderParameters | None, request_id: str | None) -> Response[Asked]:
    where = links(found.recording.id)
    followed = {"self": where["self"]}
    if request_id is not None:
        followed["analysis"] = f"{where['analysis']}/status"
    if rendering is not None:
        query = query_of(found.rendering, rendering.document())
        followed["spectrogram"] = f"{where['spectrogram']}/status?{urlencode(query)}"
    parameters_id = rendering.parameters_id if rendering is not None else None
    answer = Asked(id=found.recording.id, parameters_id=parameters_id, request_id=request_id, links=followed)
    return Response(answer, status_code=202, headers={"Location": where["self"]})


def _view(found: Found) -> RecordingView:
    return view(found.recording, found.spectrogram, found.analysis)
