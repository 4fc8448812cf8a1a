"""Every event, one frozen model per type and version: past-tense facts, ids only, units in names."""

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field

from .analysing import AnalysisWish
from .recorded import Place, RecordedAt
from .rendering import RenderParameters, ScaleName
from .vocabulary import Caveat, ContractModel, Fault, Lane, Stage, State


class Event(ContractModel):
    """A fact about one recording."""

    type: ClassVar[str]
    version: ClassVar[int] = 1

    recording_id: str = Field(pattern=r"^[0-9a-f-]{36}$", examples=["0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10"])
    project_id: str = Field(min_length=1, max_length=100, examples=["default"])
    lane: Lane = Lane.INTERACTIVE
    batch_id: str | None = Field(default=None, max_length=100, description="The batch it came with, if any.")

    @classmethod
    def versioned_type(cls) -> str:
        """Return the name on the wire, for example `recording.uploaded.v1`."""
        return f"{cls.type}.v{cls.version}"

    def subject_facts(self) -> dict[str, Any]:
        """Return which recording this is about, for the next event about it."""
        names = ("recording_id", "project_id", "lane", "batch_id")
        return {name: getattr(self, name) for name in names}

    def identity(self) -> dict[str, Any]:
        """Return what the recording's document must say, too: whoever reaches the broker can publish anything."""
        said = {name: getattr(self, name, None) for name in ("project_id", "sha256", "size_bytes")}
        return {name: value for name, value in said.items() if value is not None}


class RecordingUploaded(Event):
    """The audio object and its document are durable; workers may begin."""

    type: ClassVar[str] = "recording.uploaded"

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(gt=0)
    container: str = Field(examples=["flac"])
    codec: str = Field(examples=["pcm_16"])
    rate_hz: int = Field(gt=0)
    channels: int = Field(gt=0)
    bit_depth: int | None = None
    duration_claimed_s: float | None = Field(default=None, ge=0, description="What the header says.")
    uploaded_at: datetime
    # Who draws nothing need not know every parameter: only the worker that renders refuses what it does not know.
    rendering: dict[str, Any] | None = Field(
        default=None,
        description="`RenderParameters` of its images, as its project says; null: by default.",
        examples=[{"window_size": 512, "f_min_hz": 8000.0}],
    )
    recorded_at: RecordedAt | None = Field(default=None, description="When it was recorded, where anybody says.")
    place: Place | None = Field(default=None, description="Where it was recorded, where anybody says.")


class RecordingRejected(Event):
    """The bytes arrived whole but are no recording that can be worked on; the audio object is gone."""

    type: ClassVar[str] = "recording.rejected"

    error: Fault


class RecordingDeleted(Event):
    """The recording is gone for its readers."""

    type: ClassVar[str] = "recording.deleted"

    deleted_at: datetime


class RecordingRestored(Event):
    """A deleted recording is there again for its readers, with all that came of it."""

    type: ClassVar[str] = "recording.restored"

    restored_at: datetime


class RecordingCancelled(Event):
    """Nobody wants what is not done yet: work on the recording stops, and ends as `cancelled`."""

    type: ClassVar[str] = "recording.cancelled"

    cancelled_at: datetime


class RecordingRetried(Event):
    """Somebody wants what failed, or was cancelled, tried again; what was done well stays."""

    type: ClassVar[str] = "recording.retried"

    retried_at: datetime


class ImageSummary(ContractModel):
    """One stored image: its name and the geometry that turns pixels into seconds and hertz."""

    name: str = Field(examples=["standard"])
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    seconds_per_px: float = Field(gt=0)
    hz_per_px: float = Field(gt=0)
    size_bytes: int = Field(gt=0)
    f_min_hz: float | None = Field(default=None, ge=0, description="Where the lowest row begins.")
    f_max_hz: float | None = Field(default=None, gt=0, description="Where the highest row ends.")
    scale: ScaleName | None = Field(default=None, description="On another than `linear`, `hz_per_px` is the mean.")


class SpectrogramRequested(Event):
    """Somebody wants to see a recording in another way: with these parameters."""

    type: ClassVar[str] = "spectrogram.requested"

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int | None = Field(default=None, gt=0)
    container: str = Field(examples=["flac"])
    duration_claimed_s: float | None = Field(default=None, ge=0)
    parameters: RenderParameters
    requested_at: datetime


class SpectrogramPreviewed(Event):
    """A first look at a long recording is stored, while its images are still being made: approximate."""

    type: ClassVar[str] = "spectrogram.previewed"

    parameters_id: str
    image: ImageSummary


class SpectrogramCompleted(Event):
    """All images of a recording are stored."""

    type: ClassVar[str] = "spectrogram.completed"

    parameters_id: str
    images: tuple[ImageSummary, ...]
    duration_decoded_s: float = Field(ge=0)
    warnings: tuple[Caveat, ...] = ()


class TaskFailed(Event):
    """What every task that ended without a result says."""

    parameters_id: str
    attempts: int = Field(ge=0)
    error: Fault


class SpectrogramFailed(TaskFailed):
    """No image will come of this recording without a change."""

    type: ClassVar[str] = "spectrogram.failed"


class ExtractorSummary(ContractModel):
    """How one extractor ended."""

    name: str
    version: str
    success: bool
    error_code: str | None = None


class AnalysisRequested(Event):
    """Somebody wants a recording analysed again: by other extractors, other parameters, or in segments."""

    type: ClassVar[str] = "analysis.requested"

    request_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int | None = Field(default=None, gt=0)
    container: str = Field(examples=["flac"])
    duration_claimed_s: float | None = Field(default=None, ge=0)
    wish: AnalysisWish
    requested_at: datetime


class AnalysisCompleted(Event):
    """The manifest of a recording is stored; `partial` when an extractor failed."""

    type: ClassVar[str] = "analysis.completed"

    parameters_id: str
    state: Literal[State.COMPLETED, State.PARTIAL]
    extractors: tuple[ExtractorSummary, ...]
    duration_decoded_s: float = Field(ge=0)
    warnings: tuple[Caveat, ...] = ()


class AnalysisFailed(TaskFailed):
    """No manifest will come of this recording without a change."""

    type: ClassVar[str] = "analysis.failed"


class TaskProgressed(Event):
    """A worker is on its way; transient, never stored, may be lost."""

    type: ClassVar[str] = "task.progressed"

    task: Literal["spectrogram", "analysis"]
    parameters_id: str | None = Field(default=None, description="Which of the recording's tasks of this kind.")
    stage: Stage
    progress: float = Field(ge=0, le=1, description="Share of the whole task that is done.")


EVENTS: tuple[type[Event], ...] = (
    RecordingUploaded,
    RecordingRejected,
    RecordingDeleted,
    RecordingRestored,
    RecordingCancelled,
    RecordingRetried,
    SpectrogramRequested,
    SpectrogramPreviewed,
    SpectrogramCompleted,
    SpectrogramFailed,
    AnalysisRequested,
    AnalysisCompleted,
    AnalysisFailed,
    TaskProgressed,
)

BY_VERSIONED_TYPE: dict[str, type[Event]] = {event.versioned_type(): event for event in EVENTS}
