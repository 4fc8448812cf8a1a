"""The manifest is a contract: its schema says what is in it, and examples once published go on parsing."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from pydantic import ValidationError

from contracts.manifest import AudioManifest
from contracts.published import EXAMPLES, SCHEMAS

CORPUS = sorted((EXAMPLES / "audio_manifest.v1").glob("*.json"))

# What the readers were promised.
PROMISED = {
    *("video_id", "task_id", "dataset", "timestamp", "extractors", "schema_version", "total_processing_time"),
    *("manifest_uri", "span_analysed", "warnings", "engine", "input_sha256"),
}
PROMISED_OF_AN_EXTRACTOR = {"name", "version", "parameters", "success", "payload", "error", "processing_time"}


@pytest.mark.parametrize("example", CORPUS, ids=lambda path: path.stem)
def test_an_example_fits_the_published_schema_and_survives_reading(example: Path) -> None:
    manifest = json.loads(example.read_text())

    Draft202012Validator(_schema()).validate(manifest)
    assert AudioManifest.model_validate(manifest).model_dump(mode="json", exclude_unset=True) == manifest


def test_every_promised_field_is_always_there() -> None:
    schema = _schema()

    assert set(schema["required"]) >= PROMISED
    assert set(schema["$defs"]["ExtractorEntry"]["required"]) >= PROMISED_OF_AN_EXTRACTOR


def test_a_reader_ignores_what_a_newer_writer_adds() -> None:
    manifest = json.loads(CORPUS[0].read_text())

    newer = {**manifest, "added": 1, "extractors": [{**each, "added": 1} for each in manifest["extractors"]]}

    assert AudioManifest.model_validate(newer) == AudioManifest.model_validate(manifest)


@pytest.mark.parametrize("change", [{"input_sha256": "abc"}, {"schema_version": "audio_manifest_v2"}, {"rate_hz": 0}])
def test_an_impossible_manifest_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AudioManifest.model_validate(json.loads(CORPUS[0].read_text()) | change)


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / "audio_manifest.v1.json").read_text())
    return schema
