"""What readers see of recordings and their tasks."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from contracts.documents import (
    AnalysisDocument,
    AudioFacts,
    RecordingDocument,
    SpectrogramDocument,
    StoredFirstLook,
    TaskDocument,
)
from contracts.recorded import Place, RecordedAt
from contracts.rendering import RenderParameters
from contracts.vocabulary import Caveat, Fault, Lane, State

from .forecast import WorkForecast
from .renderings import query_of
from .standing import standing, unstarted
from .versions import image_version


class ImageView(BaseModel):
    """One image that can be fetched, with what turns its pixels into seconds and hertz."""

    href: str
    size_bytes: int
    geometry: dict[str, Any]


class FirstLookView(ImageView):
    """What can be seen before there are images."""

    approximate: bool


class TaskView(BaseModel):
    """Where one task stands; `not_requested`: nobody asked for images with these parameters."""

    status: State | Literal["not_requested"] = State.QUEUED
    progress: float | None = Field(None, description="Share done while it is processed; null where none was heard.")
    attempts: int = 0
    started_at: datetime | None = None
    completed_at: datetime | None = None
    timings_s: dict[str, float] = Field(default_factory=dict)
    warnings: list[Caveat] = Field(default_factory=list)
    error: Fault | None = None


class SpectrogramView(TaskView):
    """Where the images stand, and which exist."""

    parameters: dict[str, Any] = Field(default_factory=dict)
    first_look: FirstLookView | None = Field(None, description="Only until there are images.")
    images: dict[str, ImageView] = Field(default_factory=dict)


class AnalysisView(TaskView):
    """Where the features stand, and how each extractor ended."""

    extractors: list[dict[str, Any]] = Field(default_factory=list)


class AudioView(AudioFacts):
    """Technical metadata: what the header claims beside what was found by decoding everything."""

    duration_decoded_s: float | None = None
    sha256: str
    size_bytes: int


class ErrorView(Fault):
    """An error, and which part of the work it belongs to."""

    part: str


class RecordingSummary(BaseModel):
    """One line of the list."""

    id: str
    name: str
    project: str
    lane: Lane
    status: State
    uploaded_at: datetime
    completed_at: datetime | None
    duration_s: float | None
    trace_id: str
    links: dict[str, str]
    recorded_at: RecordedAt | None
    place: Place | None
    tags: list[str]
    deleted_at: datetime | None
    restorable_until: datetime | None
    features: dict[str, float | str] = Field(default_factory=dict, description="Those that the list was asked for.")


class RecordingView(RecordingSummary):
    """Everything about one recording."""

    audio: AudioView | None
    spectrogram: SpectrogramView
    analysis: AnalysisView
    timings_s: dict[str, float]
    errors: list[ErrorView]
    forecast: WorkForecast | None = Field(None, description="Only of one recording, while its work is open.")


Heard = Callable[[TaskDocument], float | None]


def nothing_heard(_: TaskDocument) -> float | None:
    """Return no progress, where nobody listens."""
    return None


def summary(
    recording: RecordingDocument, spectrogram: SpectrogramDocument | None, analysis: AnalysisDocument | None
) -> RecordingSummary:
    """Return the line of the list."""
    tasks = [task for task in (spectrogram, analysis) if task is not None]
    status = overall_status(recording, spectrogram, analysis)
    return RecordingSummary(
        id=recording.id,
        name=recording.name,
        project=recording.project_id,
        lane=recording.lane,
        status=status,
        uploaded_at=recording.uploaded_at,
        completed_at=_last(tasks) if status.is_terminal else None,
        duration_s=_duration(recording, tasks),
        trace_id=recording.trace_id,
        links=links(recording.id),
        recorded_at=recording.recorded_at,
        place=recording.place,
        tags=list(recording.tags),
        deleted_at=recording.deleted_at,
        restorable_until=recording.purge_at,
    )


def view(
    recording: RecordingDocument,
    spectrogram: SpectrogramDocument | None,
    analysis: AnalysisDocument | None,
    heard: Heard = nothing_heard,
) -> RecordingView:
    """Return everything about a recording."""
    tasks = [task for task in (spectrogram, analysis) if task is not None]
    short = summary(recording, spectrogram, analysis)
    return RecordingView(
        **short.model_dump(),
        audio=_audio(recording, tasks),
        spectrogram=spectrogram_view(recording, spectrogram, heard),
        analysis=analysis_view(recording, analysis, heard),
        timings_s=_timings(recording, spectrogram, analysis),
        errors=_errors(recording, spectrogram, analysis),
    )


def overall_status(recording: RecordingDocument, *tasks: TaskDocument | None) -> State:
    """Return one word for the whole: `partial` when some of it failed, `processing` as soon as anything began."""
    return standing(recording.state, *(task.state if task is not None else unstarted(recording) for task in tasks))


def spectrogram_view(
    recording: RecordingDocument, task: SpectrogramDocument | None, heard: Heard = nothing_heard
) -> SpectrogramView:
    """Return where the images stand."""
    if task is None:
        return SpectrogramView(status=unstarted(recording))
    query = query_of(recording.rendering or RenderParameters(), task.parameters)
    address = f"/v1/recordings/{recording.id}/spectrogram"
    images = {
        name: ImageView(
            href=f"{address}?{urlencode({'resolution': name, **query, 'version': image_version(task, image)})}",
            size_bytes=image.size_bytes,
            geometry=image.geometry,
        )
        for name, image in task.images.items()
    }
    return SpectrogramView(
        **_task(task, heard), parameters=task.parameters, first_look=_first_look(recording, task), images=images
    )


def shown_first_look(task: SpectrogramDocument | None) -> StoredFirstLook | None:
    """Return the first look while it is the best there is: once a task has ended, its result speaks."""
    return None if task is None or task.state.is_terminal else task.first_look


def analysis_view(
    recording: RecordingDocument, task: AnalysisDocument | None, heard: Heard = nothing_heard
) -> AnalysisView:
    """Return where the features stand."""
    if task is None:
        return AnalysisView(status=unstarted(recording))
    entries = [_extractor(recording.id, each) for each in task.extractors]
    return AnalysisView(**_task(task, heard), extractors=entries)


def links(recording_id: str) -> dict[str, str]:
    """Return where everything about a recording is."""
    self = f"/v1/recordings/{recording_id}"
    return {
        "self": self,
        "spectrogram": f"{self}/spectrogram",
        "analysis": f"{self}/analysis",
        "audio": f"{self}/audio",
        "events": f"/v1/events?recording={recording_id}",
    }


def _first_look(recording: RecordingDocument, task: SpectrogramDocument) -> FirstLookView | None:
    look = shown_first_look(task)
    if look is None:
        return None
    return FirstLookView(
        href=f"/v1/recordings/{recording.id}/spectrogram/first-look",
        size_bytes=look.size_bytes,
        geometry=look.geometry,
        approximate=look.approximate,
    )


def _task(task: TaskDocument, heard: Heard) -> dict[str, Any]:
    return {
        "status": task.state,
        "progress": heard(task),
        "attempts": task.attempts,
        "started_at": task.started_at,
        "completed_at": task.completed_at,
        "timings_s": task.timings_s,
        "warnings": list(task.warnings),
        "error": task.error,
    }


def _extractor(recording_id: str, entry: dict[str, Any]) -> dict[str, Any]:
    shown = dict(entry)
    if entry.get("series") is not None:
        href = f"{links(recording_id)['analysis']}/series/{entry['name']}.parquet"
        shown["series"] = {"href": href, **_without_key(entry["series"])}
    if entry.get("attachment") is not None:
        shown["attachment"] = _without_key(entry["attachment"])
    return shown


def _without_key(reference: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in reference.items() if name != "uri"}


def _audio(recording: RecordingDocument, tasks: Iterable[TaskDocument]) -> AudioView | None:
    if recording.audio is None:
        return None
    return AudioView(
        **recording.audio.model_dump(),
        duration_decoded_s=_decoded(tasks),
        sha256=recording.sha256,
        size_bytes=recording.size_bytes,
    )


def _duration(recording: RecordingDocument, tasks: Iterable[TaskDocument]) -> float | None:
    decoded_s = _decoded(tasks)
    if decoded_s is not None or recording.audio is None:
        return decoded_s
    return recording.audio.duration_claimed_s


def _decoded(tasks: Iterable[TaskDocument]) -> float | None:
    return next((task.duration_decoded_s for task in tasks if task.duration_decoded_s is not None), None)


def _last(tasks: Iterable[TaskDocument]) -> datetime | None:
    return max((task.completed_at for task in tasks if task.completed_at is not None), default=None)


def _timings(recording: RecordingDocument, *tasks: TaskDocument | None) -> dict[str, float]:
    names = ("images_after_upload", "analysis_after_upload")
    # What a reader asked for later says nothing of how long an upload took.
    uploaded = [(name, task) for name, task in zip(names, tasks, strict=True) if task and not task.requested]
    ended = {name: task.completed_at for name, task in uploaded if task.completed_at}
    return {name: round((at - recording.uploaded_at).total_seconds(), 3) for name, at in ended.items()}


def _errors(recording: RecordingDocument, *tasks: TaskDocument | None) -> list[ErrorView]:
    parts = [("recording", recording.error)]
    parts += [(name, task.error) for name, task in zip(("spectrogram", "analysis"), tasks, strict=True) if task]
    return [ErrorView(part=part, **error.model_dump()) for part, error in parts if error is not None]
