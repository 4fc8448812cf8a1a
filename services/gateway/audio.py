"""The route of the audio itself: a recording as it came, whole or in part, or a clip of it as WAV."""

import re
from math import isfinite
from typing import Annotated, Any
from urllib.parse import quote

from litestar import Request, Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from chassis.objects import ObjectStore
from chassis.problems import ProblemError

from .access import READ
from .caching import tagged, unchanged
from .described import UNCHANGED, part_of
from .gallery import Gallery
from .keys import Caller
from .ranges import asked_range
from .reads import Found, Reads

Seconds = Annotated[float | None, QueryParameter(ge=0)]

_MEDIA_TYPES = {
    "wav": "audio/wav",
    "w64": "audio/x-w64",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "mp3": "audio/mpeg",
    "mp4": "audio/mp4",
    "adts": "audio/aac",
    "aiff": "audio/aiff",
    "caf": "audio/x-caf",
    "matroska": "audio/x-matroska",
}
_ANY = "audio/*"
_PLAIN = re.compile(r"[^A-Za-z0-9 ._()+-]")


@get(
    "/recordings/{recording_id:str}/audio",
    operation_id="getAudio",
    needs=READ,
    problems=(409, 416, 422),
    responses={**UNCHANGED, **part_of(_ANY)},
    tags=["recordings"],
    media_type=_ANY,
)
async def get_audio(
    request: Request[Caller, Any, Any],
    reads: Reads,
    objects: ObjectStore,
    gallery: Gallery,
    recording_id: str,
    start_s: Seconds = None,
    end_s: Seconds = None,
) -> Response[Any]:
    """Return the recording as it was sent; takes `Range` and `If-Range`, answers 304 to its own `ETag`.

    With `start_s` and `end_s`, that part of it as a WAV, sample for sample.
    """
    found = await reads.recording(request.user, recording_id)
    if start_s is not None or end_s is not None:
        return await _clip(request, gallery, found, start_s, end_s)
    recording = found.recording
    if recording.object_key is None or recording.audio is None:
        fault = recording.error
        raise ProblemError(409, fault.code if fault else "not_found", "This recording has no audio.")
    # The bytes of a recording never change.
    tag = f'"{recording.sha256}"'
    headers = {**tagged(tag), "Accept-Ranges": "bytes", **_named(recording.name)}
    if (kept := unchanged(request, headers)) is not None:
        return kept
    part = asked_range(_wanted_range(request, tag), recording.size_bytes)
    if part is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{recording.size_bytes}"
    headers["Content-Length"] = str(len(part) if part is not None else recording.size_bytes)
    # Of a stream Litestar takes the route's media type, whatever its own is.
    headers["Content-Type"] = _MEDIA_TYPES.get(recording.audio.container, "application/octet-stream")
    content = objects.blocks(recording.object_key, part)
    return Stream(content, status_code=206 if part is not None else 200, headers=headers)


async def _clip(
    request: Request[Caller, Any, Any], gallery: Gallery, found: Found, start_s: float | None, end_s: float | None
) -> Response[Any]:
    if start_s is None or end_s is None or not (isfinite(start_s) and isfinite(end_s)):
        raise ProblemError(400, "bad_request", "A clip needs both start_s and end_s, and both must be finite numbers.")
    stem = found.recording.name.rpartition(".")[0] or found.recording.name
    name = f"{stem}_{start_s:g}-{end_s:g}s.wav"
    headers = {**tagged(f'"{found.recording.sha256}-{start_s!r}-{end_s!r}"'), **_named(name)}
    if (kept := unchanged(request, headers)) is not None:
        return kept
    return Response(await gallery.clip(found, start_s, end_s), media_type="audio/wav", headers=headers)


def _wanted_range(request: Request[Any, Any, Any], tag: str) -> str | None:
    """Return the `Range` header, unless what the client has a part of is something else (RFC 9110, 13.1.5)."""
    condition = request.headers.get("if-range")
    return request.headers.get("range") if condition in (None, tag) else None


def _named(name: str) -> dict[str, str]:
    """Return the header that names a download (RFC 6266, RFC 8187): for all clients, and for those that read UTF-8."""
    plain = _PLAIN.sub("_", name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
