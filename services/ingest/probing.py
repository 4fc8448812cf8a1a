"""What a child process does with an object that has just arrived."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, cast

import av
import soundfile

from audio.format import AudioFormat, AudioLimits
from audio.metadata import read_metadata
from audio.probe import probe
from audio.recorded import Position, Recorded, position, recorded
from chassis.ranged import RangedObject


@dataclass(frozen=True)
class Probed:
    """What a recording is, and when and where it says it was made."""

    audio: AudioFormat
    recorded: Recorded | None = None
    position: Position | None = None


def probe_object(url: str, size_bytes: int, name: str, limits: AudioLimits) -> Probed:
    """Return what the object behind `url` is; raise the `AudioError` that says why it is no recording."""
    with io.BufferedReader(RangedObject(url, size_bytes)) as remote:
        source = cast("BinaryIO", remote)
        audio = probe(source, limits)
        metadata = read_metadata(source, audio.container)
    return Probed(audio, recorded(metadata, name, datetime.now(UTC)), position(metadata))


def warm_up() -> tuple[str, str]:
    """Return the decoders' versions: asked of a new child, this has them imported before the first recording."""
    return av.__version__, soundfile.__version__
