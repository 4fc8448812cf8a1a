"""What came of one recording, in a form that two runs can be compared by: no ids, no times, no durations of work."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .recorded import TASKS, Observed, Stored

# When it was done, and how long it took, differ from run to run.
_TIMES = frozenset({"timestamp", "processing_time", "total_processing_time", "computed_at", "uploaded_at"})
_NAMES = frozenset({"task_id", "recording_id", "video_id", "dataset", "project_id"})
MISSING = "missing"
FOLDERS = ("audio/", "spectrograms/", "waveforms/", "manifests/", "series/", "attachments/")

Document = Mapping[str, Any]


def outcome(recording: Document, observed: Observed) -> dict[str, Any]:
    """Return the results of a recording: states, errors, every object's content, every field a reader is shown."""
    found: dict[str, Any] = {"recording": {"state": recording["state"], "error": _code(recording)}}
    if (key := recording.get("object_key")) is not None:
        found["audio"] = _digest(observed.objects, key)
    for kind in TASKS:
        for document in documents_of(observed, kind, recording["_id"]):
            found[kind] = _task(document, observed.objects)
    return found


def documents_of(observed: Observed, kind: str, recording_id: str) -> list[Document]:
    """Return the tasks of one kind about a recording."""
    return [each for each in observed.documents[kind] if each["recording_id"] == recording_id]


def named_keys(document: Document) -> Iterator[str]:
    """Yield every object's key that a document holds, however deep."""
    return (value for value in _texts(document) if value.startswith(FOLDERS))


def _task(document: Document, objects: Mapping[str, Stored]) -> dict[str, Any]:
    facts = {
        "state": document["state"],
        "error": _code(document),
        "duration_decoded_s": document.get("duration_decoded_s"),
        "warnings": [each["code"] for each in document.get("warnings", ())],
        "reference_dbfs": document.get("reference_dbfs"),
    }
    kept = {name: value for name, value in document.items() if name != "first_look"}
    recording_id = document["recording_id"]
    contents = {
        key.replace(recording_id, "RECORDING"): _content(objects, key, recording_id)
        for key in sorted(set(named_keys(kept)))
    }
    return {**facts, "objects": contents}


def _content(objects: Mapping[str, Stored], key: str, recording_id: str) -> Any:
    stored = objects.get(key)
    if stored is None:
        return MISSING
    if stored.text is None:
        return stored.sha256
    return _lasting(json.loads(stored.text.replace(recording_id, "RECORDING")))


def _digest(objects: Mapping[str, Stored], key: str) -> str:
    return objects[key].sha256 if key in objects else MISSING


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lasting(each) for name, each in value.items() if name not in _TIMES | _NAMES}
    return [_lasting(each) for each in value] if isinstance(value, list) else value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def _code(document: Document) -> str | None:
    return (document.get("error") or {}).get("code")
