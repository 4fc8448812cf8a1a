"""What an analysis says, as values that can be pickled and stored."""

from dataclasses import dataclass
from typing import Any

from .measures import Payload
from .segments import SegmentGrid


@dataclass(frozen=True)
class ExtractorFailure:
    """Why one extractor has no result, while the others have."""

    code: str
    sentence: str


@dataclass(frozen=True)
class SeriesFile:
    """A Parquet file in the job's scratch folder, with the unit of each of its series."""

    path: str
    frames: int
    units: dict[str, str]
    size_bytes: int


@dataclass(frozen=True)
class AttachmentFile:
    """What an extractor made besides measures and series, as a file in the job's scratch folder."""

    path: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True)
class ExtractorResult:
    """What one extractor says of a recording: a payload or a failure, never both.

    Where only segments were asked for, and it has some, they stand in the payload's place.
    """

    name: str
    version: str
    parameters: dict[str, object]
    success: bool
    payload: Payload | None
    error: ExtractorFailure | None
    processing_time_s: float
    series: SeriesFile | None = None
    attachment: AttachmentFile | None = None
    segments: dict[str, Any] | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Span:
    """The part of the recording that was analysed."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class AnalysisWarning:
    """Something about the recording that a reader of its values should know."""

    code: str
    sentence: str


@dataclass(frozen=True)
class Analysis:
    """Everything that one pass found; picklable, and plain JSON by `dataclasses.asdict`.

    `device` computed the shared spectra, or the first of them: "cpu", or what PyTorch calls it.
    `timings_s` has the seconds spent in "decode", in "shared" (what several extractors read, computed once) and in
    "extract" (all extractors together). The span is what was decoded, not what the header claims.
    """

    extractors: tuple[ExtractorResult, ...]
    decoded_frames: int
    duration_s: float
    rate_hz: int
    channels: int
    span: Span
    warnings: tuple[AnalysisWarning, ...]
    timings_s: dict[str, float]
    segments: SegmentGrid | None = None
    device: str = "cpu"
