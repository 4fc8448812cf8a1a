"""The manifest: what the analysis says of a recording, as one JSON object."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from contracts.canonical import canonical_json
from contracts.manifest import (
    MANIFEST_VERSION,
    AnalysedSpan,
    AudioManifest,
    EngineVersions,
    ExtractorEntry,
    SeriesReference,
)
from contracts.objects import manifest_key, series_key
from contracts.vocabulary import Caveat

from .results import Analysis, ExtractorResult

ENGINE_VERSION = "1"

# What values can depend on, besides our own code.
_LIBRARIES = ("av", "numba", "numpy", "opencv-python-headless", "soundfile", "soxr")


def manifest(
    analysis: Analysis, *, recording_id: str, project_id: str, sha256: str, parameters_id: str
) -> AudioManifest:
    """Return the manifest of a recording."""
    return AudioManifest(
        schema_version=MANIFEST_VERSION,
        recording_id=recording_id,
        video_id=recording_id,
        task_id=f"{recording_id}/{parameters_id}",
        dataset=project_id,
        timestamp=datetime.now(UTC),
        parameters_id=parameters_id,
        input_sha256=sha256,
        engine=EngineVersions(version=ENGINE_VERSION, libraries={name: version(name) for name in _LIBRARIES}),
        rate_hz=analysis.rate_hz,
        channels=analysis.channels,
        duration_s=analysis.duration_s,
        span_analysed=AnalysedSpan(start_s=analysis.span.start_s, end_s=analysis.span.end_s),
        warnings=tuple(Caveat(code=each.code, sentence=each.sentence) for each in analysis.warnings),
        extractors=tuple(entry(result, recording_id) for result in analysis.extractors),
        total_processing_time=sum(result.processing_time_s for result in analysis.extractors),
        manifest_uri=manifest_key(recording_id, parameters_id),
    )


def entry(result: ExtractorResult, recording_id: str) -> ExtractorEntry:
    """Return what the manifest says of one extractor."""
    facts = asdict(result)
    return ExtractorEntry(
        **{name: facts[name] for name in _KEPT},
        processing_time=result.processing_time_s,
        series=_series(result, recording_id),
    )


def extraction_id(name: str, version: str, parameters: Mapping[str, Any]) -> str:
    """Return the identity of what one extractor says of a recording: name, version and parameters, nothing else."""
    facts = {"name": name, "version": version, "parameters": parameters}
    return hashlib.sha256(canonical_json(facts).encode()).hexdigest()[:16]


_KEPT = ("name", "version", "parameters", "success", "payload", "error")


def _series(result: ExtractorResult, recording_id: str) -> SeriesReference | None:
    if result.series is None:
        return None
    identity = extraction_id(result.name, result.version, result.parameters)
    return SeriesReference(
        uri=series_key(recording_id, result.name, identity),
        frames=result.series.frames,
        units=result.series.units,
        size_bytes=result.series.size_bytes,
    )
