"""The manifest: what the analysis says of one recording, as one JSON object; fields are only ever added."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from .analysing import Segmentation
from .vocabulary import Caveat, ContractModel

MANIFEST_VERSION: Literal["audio_manifest_v1"] = "audio_manifest_v1"


class EngineVersions(ContractModel):
    """What computed the values."""

    version: str = Field(description="The analysis engine's own.")
    libraries: dict[str, str] = Field(
        default_factory=dict, description="By package name.", examples=[{"numpy": "2.4.0", "soxr": "1.1.0"}]
    )
    device: str = Field(
        default="cpu", description="What computed the spectra that extractors share.", examples=["cuda"]
    )


class AnalysedSpan(ContractModel):
    """The part of the recording that was analysed: what was decoded, not what the header claims."""

    start_s: float = Field(ge=0)
    end_s: float = Field(ge=0)


class ExtractorError(ContractModel):
    """Why one extractor has no result, while the others have."""

    code: str = Field(description="Stable, snake_case.", examples=["extractor_timeout"])
    sentence: str


class SeriesReference(ContractModel):
    """Frame series beside the manifest: a Parquet object with the column `time_s` and one per series."""

    uri: str = Field(description="The object's key; readers fetch `…/analysis/series/{extractor}.parquet`.")
    frames: int = Field(ge=0, description="Rows; null where a frame has no value.")
    units: dict[str, str] = Field(description="By column.", examples=[{"centroid": "Hz"}])
    size_bytes: int = Field(gt=0)


class AttachmentReference(ContractModel):
    """What an extractor made besides measures and series, as an object beside the manifest."""

    uri: str = Field(description="The object's key.")
    media_type: str = Field(examples=["application/vnd.dawnchorus.landmarks"])
    size_bytes: int = Field(gt=0)


class EntrySegments(ContractModel):
    """What one extractor says of each segment; every list has an item per segment."""

    hop_s: float = Field(gt=0, description="Doubled from the asked one until there were at most `segments_max`.")
    start_s: tuple[float, ...]
    end_s: tuple[float, ...]
    series: dict[str, dict[str, Any]] = Field(
        description="By series: its unit, and per statistic a list, null where a segment has no value."
    )


class ExtractorEntry(ContractModel):
    """What one extractor says of the recording: a payload, or an error."""

    name: str
    version: str
    parameters: dict[str, Any] = Field(description="Everything that the values depend on, besides the recording.")
    licence: str | None = Field(default=None, description="The terms of what it was computed with, if there are any.")
    success: bool
    payload: dict[str, Any] | None = Field(description="Measures: a value with its unit, or null with a reason.")
    error: ExtractorError | None
    processing_time: float = Field(ge=0, description="Seconds, shared inputs aside.")
    series: SeriesReference | None = None
    attachment: AttachmentReference | None = None
    segmentation: Segmentation | None = Field(default=None, description="What was asked for; null: aggregates alone.")
    segments: EntrySegments | None = Field(default=None, description="Null where the extractor has no frames.")
    computed_at: datetime | None = Field(default=None, description="A re-run keeps what is still right.")
    last_error: ExtractorError | None = Field(default=None, description="Why a later run has not replaced this result.")


class AudioManifest(ContractModel):
    """The features of one recording, with everything that they depend on."""

    schema_version: Literal["audio_manifest_v1"]
    recording_id: str
    video_id: str = Field(description="The earlier system's name for `recording_id`.")
    task_id: str
    dataset: str = Field(description="The earlier system's name for the project.")
    timestamp: datetime
    parameters_id: str
    input_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    engine: EngineVersions
    rate_hz: int = Field(gt=0)
    channels: int = Field(gt=0)
    duration_s: float = Field(ge=0)
    span_analysed: AnalysedSpan
    warnings: tuple[Caveat, ...]
    extractors: tuple[ExtractorEntry, ...]
    total_processing_time: float = Field(ge=0)
    manifest_uri: str = Field(description="The object's key.")
