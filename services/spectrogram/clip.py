"""A part of a recording as a WAV of its own, sample for sample, decoded from there."""

import io
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import soundfile

from audio.decode import BLOCK_FRAMES, AudioLimits, AudioStream, Block, Container, open_audio
from contracts.drawing import Clip

from .region_errors import ClipTooLongError, EmptyRegionError, OutsideRecordingError

# However many channels: what is sent to a reader is made in memory.
CLIP_BYTES_MAX = 100_000_000
_SAMPLE_BYTES = 4


def cut_clip(source: Path | BinaryIO, container: Container, limits: AudioLimits, clip: Clip, max_s: float) -> bytes:
    """Return the samples from `start_s` up to `end_s` as WAV, all channels at the recording's own rate.

    16-bit PCM where that is what the recording holds, 24-bit PCM for 24 bits, else float; shorter at the end of it.
    Raises `EmptyRegionError`, `OutsideRecordingError`, `ClipTooLongError`, and any `AudioError` of decoding.
    """
    if not 0 <= clip.start_s < clip.end_s:
        raise EmptyRegionError("times", clip.start_s, clip.end_s)
    if clip.end_s - clip.start_s > max_s:
        raise ClipTooLongError(clip.end_s - clip.start_s, max_s)
    with open_audio(source, container, limits) as stream:
        rate_hz, channels = stream.format.rate_hz, stream.format.channels
        first, end = round(clip.start_s * rate_hz), round(clip.end_s * rate_hz)
        longest_s = CLIP_BYTES_MAX / (_SAMPLE_BYTES * channels * rate_hz)
        if (end - first) / rate_hz > longest_s:
            raise ClipTooLongError(clip.end_s - clip.start_s, longest_s)
        samples = _samples(stream, first, end)
        if samples is None:
            raise OutsideRecordingError(clip.start_s, clip.end_s, stream.first_frame / rate_hz)
    target = io.BytesIO()
    subtype = "PCM_16" if samples.dtype == np.int16 else "PCM_24" if stream.format.bit_depth == 24 else "FLOAT"
    soundfile.write(target, samples, rate_hz, format="WAV", subtype=subtype)
    return target.getvalue()


def _samples(stream: AudioStream, first: int, end: int) -> Block | None:
    """Return frames `first` up to `end`, (n, channels); None where the recording ended before."""
    if stream.seek(first) < first:
        return None
    pieces: list[Block] = []
    left = end - first
    for block in stream.blocks(min(BLOCK_FRAMES, left)):
        pieces.append(block[:left])
        left -= len(pieces[-1])
        if left <= 0:
            break
    return cast("Block", np.concatenate(pieces)) if pieces else None
