"""Sniff and decode a recording on disk, in a line."""

from pathlib import Path

import numpy as np

from audio.decode import AudioLimits, AudioStream, open_audio
from audio.format import Container
from audio.sniff import sniff_source
from tests.muxing import Signal


def container_of(recording: Path) -> Container:
    with recording.open("rb") as head:
        return sniff_source(head)


def opened(recording: Path) -> AudioStream:
    return open_audio(recording, container_of(recording), AudioLimits())


def decoded(recording: Path) -> Signal:
    """Return all samples, (n, channels) float32 in [-1, 1]."""
    with opened(recording) as stream:
        return np.concatenate(list(stream.blocks()), dtype=np.float32) * np.float32(stream.scale)


def exhaust(stream: AudioStream) -> int:
    """Decode to the end; return how many frames came."""
    return sum(len(block) for block in stream.blocks())
