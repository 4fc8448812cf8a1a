"""Decoding by libsndfile: the fastest for what it reads."""

from typing import BinaryIO

import numpy as np
import soundfile

from .claims import claimed_frames
from .format import AudioFormat, Container
from .mpeg import xing_frames
from .reader import INT16_SCALE, Block, CannotOpenError, NoLengthError
from .sniff import HEAD_BYTES, tag_bytes
from .source import GuardedSource

_BIT_DEPTHS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
_BIT_DEPTHS |= {"ULAW": 8, "ALAW": 8}
_INT16_SUBTYPES = {"PCM_S8", "PCM_U8", "PCM_16", "ULAW", "ALAW"}
_CODECS = {"PCM_S8": "pcm_s8", "PCM_U8": "pcm_u8", "FLOAT": "pcm_f32", "DOUBLE": "pcm_f64"}
_CODECS |= {"PCM_16": "pcm_s16", "PCM_24": "pcm_s24", "PCM_32": "pcm_s32"}
_CODECS |= {"MPEG_LAYER_III": "mp3", "MPEG_LAYER_II": "mp2", "ALAC_16": "alac", "ALAC_20": "alac"}
_CODECS |= {"ALAC_24": "alac", "ALAC_32": "alac"}
# libsndfile 1.2.2 seeks to the wrong place in the last page of Vorbis; no page holds more than 255 packets of 1024.
_LAST_VORBIS_FRAMES = 2**18
# Ten packets, which is as far back as an MP3 packet's bits may lie.
_MP3_RUN_UP_FRAMES = 11_520
# libsndfile's word for "the header does not say".
_UNKNOWN_FRAMES = 2**62


class _Sequential(soundfile.SoundFile):  # type: ignore[misc] # soundfile has no types
    """Only ever reads on.

    A seekable SoundFile seeks after each read: MP3 then loses its bit reservoir at every block,
    and a broken FLAC fails in the seek.
    """

    def seekable(self) -> bool:
        return False


class SndfileReader:
    """Reads through libsndfile; raises `CannotOpenError` where it cannot, or cannot know the length.

    handle  a descriptor of an unbuffered source, which spares a Python call per read, or the guard itself
    """

    def __init__(self, handle: int | GuardedSource, source: BinaryIO, container: Container) -> None:
        claim = _header_claim(source, container)
        self._handle = handle
        self._source = source
        self._file = self._open()
        # soundfile never reads past the claimed length, so a stream that claims none would look empty.
        if not 0 < self._file.frames < _UNKNOWN_FRAMES:
            self._file.close()
            raise NoLengthError("the header claims no length")
        self._position = 0
        self.fault: str | None = None
        self.expected_frames: int | None = self._file.frames
        self.scale = INT16_SCALE if self._file.subtype in _INT16_SUBTYPES else 1.0
        self.format = _format(self._file, container, claim)

    def read(self, frames: int) -> Block:
        dtype = "int16" if self.scale == INT16_SCALE else "float32"
        block = np.empty((frames, self.format.channels), dtype=dtype)
        try:
            filled: Block = self._file.read(out=block)
        except soundfile.LibsndfileError as error:
            self.fault = error.error_string
            filled = block[: self._file.tell() - self._position]
        self._position += len(filled)
        return filled

    def seek(self, frame: int) -> int:
        """Go to `frame` or shortly before, or back to the start where the codec (GSM) or a fault forbids it."""
        try:
            self._position = int(self._file.seek(self._safe_place(frame)))
        except soundfile.LibsndfileError:
            self._file.close()
            self._file = self._open()
            self._position = 0
        self.fault = None
        return self._position

    def close(self) -> None:
        self._file.close()

    def _safe_place(self, frame: int) -> int:
        end = int(self._file.frames)
        if self._file.subtype == "VORBIS":
            return max(0, min(frame, end - _LAST_VORBIS_FRAMES))
        if self.format.container is Container.MP3:
            return max(0, min(frame, end) - _MP3_RUN_UP_FRAMES)
        return min(frame, end)

    def _open(self) -> soundfile.SoundFile:
        self._source.seek(0)
        try:
            return _Sequential(self._handle, closefd=False)
        except soundfile.LibsndfileError as error:
            raise CannotOpenError(error.error_string) from error


def _header_claim(source: BinaryIO, container: Container) -> int | None:
    if container is not Container.MP3:
        return claimed_frames(source, container)
    source.seek(0)
    head = source.read(HEAD_BYTES)
    return xing_frames(head[tag_bytes(head) :])


def _format(file: soundfile.SoundFile, container: Container, claim: int | None) -> AudioFormat:
    codec = _CODECS.get(file.subtype, file.subtype.lower())
    return AudioFormat(
        container=container,
        codec="flac" if container is Container.FLAC else codec,
        rate_hz=file.samplerate,
        channels=file.channels,
        bit_depth=_BIT_DEPTHS.get(file.subtype),
        claimed_frames=file.frames if claim is None else claim,
    )
