"""Operations on recordings."""

import base64
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import httpx

from .files import FileSlice, LocalRecording, Told
from .models import Accepted, Capabilities, Manifest, PartedUpload, PartUrl, PartUrls, Recording, RecordingPage
from .operations import Operation, as_bytes, as_json, as_model, as_nothing, path_of


def capabilities() -> Operation[Capabilities]:
    """Ask who the key says that one is, and the limits in force."""
    return Operation("GET", path_of("capabilities"), as_model(Capabilities))


def recording(recording_id: str) -> Operation[Recording]:
    """Ask where a recording stands."""
    return Operation("GET", path_of("recordings", recording_id), as_model(Recording))


def recordings(cursor: str | None = None, **filters: Any) -> Operation[RecordingPage]:  # noqa: ANN401 (query values)
    """Ask for a page of the list; `filters` are those of `GET /v1/recordings`."""
    return Operation("GET", path_of("recordings"), as_model(RecordingPage), {**filters, "cursor": cursor})


def manifest(recording_id: str) -> Operation[Manifest]:
    """Ask for the features of a recording."""
    return Operation("GET", path_of("recordings", recording_id, "analysis"), as_json, is_result=True)


def spectrogram(recording_id: str, **parameters: Any) -> Operation[bytes]:  # noqa: ANN401 (query values)
    """Ask for the PNG; `parameters` are those of the route: resolution, preset, palette, axes and others."""
    path = path_of("recordings", recording_id, "spectrogram")
    return Operation("GET", path, as_bytes, parameters, is_result=True)


def retry(recording_id: str) -> Operation[Recording]:
    """Have done again what failed."""
    return Operation("POST", path_of("recordings", recording_id, "retry"), as_model(Recording), is_repeatable=False)


def known_recording(sha256: str, project: str | None = None) -> Operation[str | None]:
    """Ask for the id of the recording with these bytes, or None where sending them is worth it."""
    query = {"sha256": sha256, "project": project}
    return Operation("HEAD", path_of("recordings"), _located, query, understood=(HTTPStatus.NOT_FOUND,))


def upload(local: LocalRecording, told: Told, **query: str | int) -> Operation[Accepted]:
    """Send a recording in one piece; `query`: project, lane, priority, batch."""
    digest = base64.b64encode(bytes.fromhex(local.sha256)).decode()
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Digest": f"sha-256=:{digest}:",
        # Of this sending alone: whoever sends again after deleting means it.
        "Idempotency-Key": secrets.token_hex(16),
    }
    return Operation(
        "POST",
        path_of("recordings"),
        as_model(Accepted),
        {**query, "name": local.path.name},
        headers=headers,
        body=FileSlice(local.path, 0, local.size_bytes, told),
    )


def begin_upload(local: LocalRecording, **wish: str | int) -> Operation[PartedUpload]:
    """Begin a recording in parts."""
    body = {**wish, "name": local.path.name, "size_bytes": local.size_bytes, "sha256": local.sha256}
    return Operation("POST", path_of("uploads"), as_model(PartedUpload), json=body)


def parted_upload(upload_id: str) -> Operation[PartedUpload | None]:
    """Ask which parts are there; None where the upload is given up or completed."""
    gone = (HTTPStatus.NOT_FOUND,)
    return Operation("GET", path_of("uploads", upload_id), _parted_or_none, understood=gone)


def part_urls(upload_id: str, numbers: Sequence[int]) -> Operation[PartUrls]:
    """Ask where these parts go."""
    return Operation("POST", path_of("uploads", upload_id, "urls"), as_model(PartUrls), json={"numbers": [*numbers]})


def send_part(local: LocalRecording, part: PartUrl, told: Told) -> Operation[None]:
    """Send one part straight to S3."""
    return Operation("PUT", part.url, as_nothing, body=FileSlice(local.path, part.offset_bytes, part.size_bytes, told))


def complete_upload(upload_id: str) -> Operation[Accepted]:
    """Make a recording of the parts."""
    return Operation("POST", path_of("uploads", upload_id, "complete"), as_model(Accepted))


def _located(response: httpx.Response) -> str | None:
    if response.status_code == HTTPStatus.NOT_FOUND:
        return None
    return str(response.headers["location"].rpartition("/")[2])


def _parted_or_none(response: httpx.Response) -> PartedUpload | None:
    return None if response.status_code == HTTPStatus.NOT_FOUND else PartedUpload.model_validate_json(response.content)
