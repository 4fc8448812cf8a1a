"""The manifest: what the analysis says of a recording, as one JSON object."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from contracts.events import RecordingUploaded
from contracts.objects import manifest_key

from .results import Analysis, ExtractorResult

SCHEMA_VERSION = "audio_manifest_v1"
ENGINE_VERSION = "1"


def manifest(event: RecordingUploaded, analysis: Analysis, parameters_id: str) -> dict[str, Any]:
    """Return the manifest; `video_id` and `dataset` are the earlier system's names for recording and project."""
    return {
        "schema_version": SCHEMA_VERSION,
        "recording_id": event.recording_id,
        "video_id": event.recording_id,
        "task_id": f"{event.recording_id}/{parameters_id}",
        "dataset": event.project_id,
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "parameters_id": parameters_id,
        "input_sha256": event.sha256,
        "engine": {"version": ENGINE_VERSION, "numpy": np.__version__},
        "rate_hz": analysis.rate_hz,
        "channels": analysis.channels,
        "duration_s": analysis.duration_s,
        "span_analysed": {"start_s": analysis.span.start_s, "end_s": analysis.span.end_s},
        "warnings": [{"code": each.code, "sentence": each.sentence} for each in analysis.warnings],
        "extractors": [_entry(result) for result in analysis.extractors],
        "total_processing_time": sum(result.processing_time_s for result in analysis.extractors),
        "manifest_uri": manifest_key(event.recording_id, parameters_id),
    }


def _entry(result: ExtractorResult) -> dict[str, Any]:
    error = result.error
    return {
        "name": result.name,
        "version": result.version,
        "parameters": result.parameters,
        "success": result.success,
        "payload": result.payload,
        "error": None if error is None else {"code": error.code, "sentence": error.sentence},
        "processing_time": result.processing_time_s,
    }
