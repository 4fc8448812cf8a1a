"""The manifest: what the analysis says of a recording, as one JSON object."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from contracts.analysing import Segmentation
from contracts.canonical import canonical_json
from contracts.manifest import (
    MANIFEST_VERSION,
    AnalysedSpan,
    AttachmentReference,
    AudioManifest,
    EngineVersions,
    EntrySegments,
    ExtractorEntry,
    SeriesReference,
)
from contracts.objects import attachment_key, manifest_key, series_key
from contracts.vocabulary import Caveat

from .extractors import OPT_IN, OptIn
from .results import Analysis, ExtractorResult
from .segments import SegmentGrid

ENGINE_VERSION = "1"

# What values can depend on, besides our own code.
_LIBRARIES = ("av", "numba", "numpy", "opencv-python-headless", "soundfile", "soxr")
_AS_THEY_ARE = ("name", "version", "parameters", "licence", "success", "payload")


@dataclass(frozen=True)
class Subject:
    """Which recording, and which task about it."""

    recording_id: str
    project_id: str
    sha256: str
    parameters_id: str


def manifest(subject: Subject, analysis: Analysis, entries: Iterable[ExtractorEntry]) -> AudioManifest:
    """Return the manifest of a recording that was just decoded."""
    extractors = tuple(entries)
    return AudioManifest(
        schema_version=MANIFEST_VERSION,
        recording_id=subject.recording_id,
        video_id=subject.recording_id,
        dataset=subject.project_id,
        timestamp=datetime.now(UTC),
        input_sha256=subject.sha256,
        engine=EngineVersions(version=ENGINE_VERSION, libraries=_libraries(analysis), device=analysis.device),
        rate_hz=analysis.rate_hz,
        channels=analysis.channels,
        duration_s=analysis.duration_s,
        span_analysed=AnalysedSpan(start_s=analysis.span.start_s, end_s=analysis.span.end_s),
        warnings=tuple(Caveat(code=each.code, sentence=each.sentence) for each in analysis.warnings),
        extractors=extractors,
        total_processing_time=sum(entry.processing_time for entry in extractors),
        **_task(subject),
    )


def renewed(subject: Subject, stored: AudioManifest) -> AudioManifest:
    """Return a stored manifest as the answer to another task, which found nothing to compute."""
    return stored.model_copy(update=_task(subject))


def entries(subject: Subject, analysis: Analysis, asked: Segmentation) -> tuple[ExtractorEntry, ...]:
    """Return what the manifest says of each extractor that ran."""
    now = datetime.now(UTC)
    return tuple(
        ExtractorEntry(
            **{name: getattr(result, name) for name in _AS_THEY_ARE},
            error=None if result.error is None else asdict(result.error),
            processing_time=result.processing_time_s,
            series=_series(result, subject.recording_id),
            attachment=_attachment(result, subject.recording_id),
            segmentation=asked if asked.wants_segments else None,
            segments=_segments(result, analysis.segments),
            computed_at=now,
        )
        for result in analysis.extractors
    )


def _task(subject: Subject) -> dict[str, Any]:
    return {
        "task_id": f"{subject.recording_id}/{subject.parameters_id}",
        "parameters_id": subject.parameters_id,
        "manifest_uri": manifest_key(subject.recording_id, subject.parameters_id),
    }


def _libraries(analysis: Analysis) -> dict[str, str]:
    names = set(_LIBRARIES)
    if analysis.device != "cpu":
        names.add("torch")
    for result in analysis.extractors:
        extractor = OPT_IN.get(result.name)
        if result.success and isinstance(extractor, OptIn):
            names.update(extractor.packages)
    return {name: version(name) for name in sorted(names)}


def _series(result: ExtractorResult, recording_id: str) -> SeriesReference | None:
    if result.series is None:
        return None
    return SeriesReference(
        uri=series_key(recording_id, result.name, _extraction_id(result)),
        frames=result.series.frames,
        units=result.series.units,
        size_bytes=result.series.size_bytes,
    )


def _attachment(result: ExtractorResult, recording_id: str) -> AttachmentReference | None:
    if result.attachment is None:
        return None
    return AttachmentReference(
        uri=attachment_key(recording_id, result.name, _extraction_id(result)),
        media_type=result.attachment.media_type,
        size_bytes=result.attachment.size_bytes,
    )


def _extraction_id(result: ExtractorResult) -> str:
    """Return the identity of what one extractor says of a recording: name, version and parameters, nothing else."""
    facts = {"name": result.name, "version": result.version, "parameters": result.parameters}
    return hashlib.sha256(canonical_json(facts).encode()).hexdigest()[:16]


def _segments(result: ExtractorResult, grid: SegmentGrid | None) -> EntrySegments | None:
    if grid is None or result.segments is None:
        return None
    return EntrySegments(hop_s=grid.hop_s, start_s=grid.start_s, end_s=grid.end_s, series=result.segments)
