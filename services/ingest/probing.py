"""What a child process does with an object that has just arrived."""

import io
from typing import BinaryIO, cast

import av
import soundfile

from audio.format import AudioFormat, AudioLimits
from audio.probe import probe
from chassis.ranged import RangedObject


def probe_object(url: str, size_bytes: int, limits: AudioLimits) -> AudioFormat:
    """Return what the object behind `url` is; raise the `AudioError` that says why it is no recording."""
    with io.BufferedReader(RangedObject(url, size_bytes)) as remote:
        return probe(cast("BinaryIO", remote), limits)


def warm_up() -> tuple[str, str]:
    """Return the decoders' versions: asked of a new child, this has them imported before the first recording."""
    return av.__version__, soundfile.__version__
