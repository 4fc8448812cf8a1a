"""What takes bytes from strangers, what right bytes look like to it, and the errors that wrong ones may cause."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ValidationError

from audio.claims import claimed_frames
from audio.errors import AudioError
from audio.format import Container
from audio.metadata import read_metadata
from audio.mpeg import xing_frames
from audio.recorded import position, recorded
from audio.sniff import sniff, tag_bytes
from contracts.changing import RecordingChange
from contracts.dead_letters import DeadLetterDocument
from contracts.envelope import MalformedEventError, from_message
from contracts.events import EVENTS
from contracts.importing import ImportOrder
from contracts.rendering import RenderParameters
from contracts.uploading import UploadOrder
from services.gateway.burying import dead_letter
from tests.audio import REPOSITORY
from tests.unit.audio.hostile import STORED, sound

Seeds = tuple[bytes, ...]
_SEED_BYTES_MAX = 20_000


@dataclass(frozen=True)
class Target:
    """One parser: `take` may raise `expected`, and nothing else."""

    name: str
    seeds: Callable[[], Seeds]
    take: Callable[[bytes], object]
    expected: tuple[type[Exception], ...] = ()


@cache
def recordings() -> Seeds:
    """Return the beginnings of recordings of every container."""
    return tuple(sound(name)[:_SEED_BYTES_MAX] for name in STORED)


@cache
def events() -> Seeds:
    """Return a message of every type: headers as JSON, a null byte, the body."""
    found = []
    for path in sorted(Path(REPOSITORY, "contracts", "examples").rglob("*.json")):
        type_ = path.parent.name
        headers = {
            "ce-specversion": "1.0",
            "ce-id": "1",
            "ce-source": "fuzz",
            "ce-type": type_,
            "ce-time": "2026-11-21T00:00:00Z",
        }
        found.append(json.dumps(headers).encode() + b"\0" + path.read_bytes())
    return tuple(found)


@cache
def orders() -> Seeds:
    """Return the examples of requests' bodies."""
    folder = Path(REPOSITORY, "services", "gateway", "examples")
    return tuple(path.read_bytes() for path in sorted(folder.glob("*.request.json")))


def _sniff(content: bytes) -> None:
    sniff(content)


def _claims(content: bytes) -> None:
    for container in Container:
        claimed_frames(io.BytesIO(content), container)
    tag_bytes(content)
    xing_frames(content)


def _metadata(content: bytes) -> None:
    # Of a WAV alone: libav reads those of the others, in a child.
    metadata = read_metadata(io.BytesIO(content), Container.WAV)
    recorded(metadata, content[:100].decode(errors="replace"), datetime(2026, 11, 21, tzinfo=UTC))
    position(metadata)


def _envelope(content: bytes) -> None:
    headers, body = _message(content)
    from_message(headers, body)


def _letter(content: bytes) -> DeadLetterDocument:
    headers, body = _message(content)
    return dead_letter("analysis", headers, body, datetime(2026, 11, 21, tzinfo=UTC))


def _message(content: bytes) -> tuple[dict[str, object], bytes]:
    head, _, body = content.partition(b"\0")
    try:
        headers = json.loads(head)
    except (ValueError, RecursionError):
        headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "fuzz", "ce-type": "recording.uploaded.v1"}
    return (headers if isinstance(headers, dict) else {}), body


def _models(content: bytes) -> None:
    models: tuple[type[BaseModel], ...] = (*EVENTS, UploadOrder, ImportOrder, RecordingChange, RenderParameters)
    for model in models:
        try:
            model.model_validate_json(content.partition(b"\0")[2] or content)
        except ValidationError:
            continue


TARGETS = {
    each.name: each
    for each in (
        Target("sniff", recordings, _sniff, (AudioError,)),
        Target("claims", recordings, _claims),
        Target("metadata", recordings, _metadata),
        Target("envelope", events, _envelope, (MalformedEventError,)),
        Target("dead letter", events, _letter),
        Target("models", lambda: (*events(), *orders()), _models),
    )
}
