"""What came of analyses since the upload: results that are stale, and what a reader asked for last."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, Field

from contracts.documents import AnalysisDocument, ExtractorDocument, RecordingDocument
from contracts.vocabulary import Fault, State

from .reads import Found, Rerun
from .views import AnalysisView, Heard, analysis_view


class RerunView(BaseModel):
    """Where a wish to have the recording analysed again stands; the results stay readable meanwhile."""

    request_id: str
    status: State
    requested_at: datetime
    completed_at: datetime | None
    error: Fault | None


class AnalysisStatus(AnalysisView):
    """Where the features stand, which are stale, and where the last wish for others stands."""

    stale: list[str] = Field(description="Extractors that have another version now: ask for them again.")
    rerun: RerunView | None


def analysis_status(
    found: Found, heard: Heard, rerun: Rerun | None, available: Iterable[ExtractorDocument]
) -> AnalysisStatus:
    """Return everything about a recording's analysis but its values."""
    view = analysis_view(found.recording, found.analysis, heard)
    stale = stale_extractors(found.analysis, available)
    return AnalysisStatus(
        **view.model_dump(), stale=stale, rerun=_rerun_view(found.recording, rerun) if rerun is not None else None
    )


def stale_extractors(task: AnalysisDocument | None, available: Iterable[ExtractorDocument]) -> list[str]:
    """Return the names of the results that another version would compute now."""
    versions = {each.id: each.version for each in available}
    results = task.extractors if task is not None else ()
    return [each["name"] for each in results if each["version"] != versions.get(each["name"], each["version"])]


def _rerun_view(recording: RecordingDocument, rerun: Rerun) -> RerunView:
    task = rerun.task
    is_cancelled = recording.interventions.cancels(rerun.wish.requested_at)
    unbegun = State.CANCELLED if is_cancelled else State.QUEUED
    return RerunView(
        request_id=rerun.wish.request_id,
        status=task.state if task is not None else unbegun,
        requested_at=rerun.wish.requested_at,
        completed_at=task.completed_at if task is not None else None,
        error=task.error if task is not None else None,
    )
