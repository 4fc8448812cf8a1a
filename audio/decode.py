"""Decode any recording we read, block by block, in memory that does not grow with its length."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

import numpy as np
import numpy.typing as npt

from .errors import EmptyRecordingError, InvalidSamplesError, NotDecodableError, TooLongError
from .format import AudioFormat, AudioLimits, Container
from .reader import Block, CannotOpenError, NoLengthError, Reader
from .sndfile import SndfileReader
from .source import GuardedSource

__all__ = ["BLOCK_FRAMES", "AudioFormat", "AudioLimits", "AudioStream", "Block", "Container", "mono", "open_audio"]

BLOCK_FRAMES = 65_536
# Beyond the scale of 32-bit integers nobody has recorded anything, and a float32 power spectrum overflows.
_LARGEST_SAMPLE = 2.0**32
_LIBAV_CONTAINERS = {Container.MP4, Container.ADTS, Container.MATROSKA}
_EXACT_CONTAINERS = {Container.WAV, Container.W64, Container.FLAC, Container.AIFF, Container.CAF}
# In a WAV, too: their packets hold a little less, or more, than the header counts.
_PADDED_CODECS = {"mp3", "mp2", "aac"}
_CODEC_PADDING_FRAMES = 2304


@dataclass(frozen=True, slots=True)
class _Opened:
    """One source in the three shapes that the libraries want."""

    binary: BinaryIO
    guard: GuardedSource
    handle: int | GuardedSource


class AudioStream:
    """An open recording; a context manager.

    format           what the recording says of itself
    expected_frames  the best guess of its length before decoding; None where nothing is known
    scale            what a sample is multiplied by to lie in [-1, 1]: 1/32768 for int16, 1 for float32
    first_frame      where `blocks` began: 0, or where `seek` went
    decoded_frames   how many frames `blocks` has given since then
    truncation       after the last block, why there are fewer frames than promised; None when all came
    """

    def __init__(self, reader: Reader, limits: AudioLimits, guard: GuardedSource, resources: ExitStack) -> None:
        self.format = reader.format
        self.expected_frames = reader.expected_frames
        self.scale = reader.scale
        self.first_frame = 0
        self.decoded_frames = 0
        self.truncation: str | None = None
        self._reader = reader
        self._longest_s = limits.longest_s(reader.format)
        self._guard = guard
        self._resources = resources

    @property
    def truncated(self) -> bool:
        return self.truncation is not None

    @property
    def decoded_duration_s(self) -> float:
        return self.decoded_frames / self.format.rate_hz

    def seek(self, frame: int) -> int:
        """Make `blocks`, called anew, begin at `frame`; return where it will, which is earlier only past the end.

        Exact, sample for sample, in WAV, W64, AIFF, FLAC, ALAC and OGG Vorbis, and to a rounding in MP3.
        AAC and Opus begin at the exact time; samples may differ in the noise that the decoder makes up.
        MP3 opened with `avoid_scan` may be some packets off, Matroska with Vorbis in it a millisecond.
        Where a codec cannot seek, everything before `frame` is decoded and dropped.
        """
        at = self._reader.seek(frame)
        while at < frame and (skipped := len(self._reader.read(min(BLOCK_FRAMES, frame - at)))):
            at += skipped
        self._guard.raise_error()
        self.first_frame, self.decoded_frames, self.truncation = at, 0, None
        return at

    def blocks(self, frames: int = BLOCK_FRAMES) -> Iterator[Block]:
        """Yield (n, channels) blocks, int16 as stored or float32 in [-1, 1], n <= frames; once per `seek`.

        Raises `EmptyRecordingError` without a frame, `NotDecodableError` when decoding fails before the first,
        `TooLongError` where the frames, not the claim, pass the limit, `InvalidSamplesError` at NaN or infinity.
        """
        while len(block := self._reader.read(frames)):
            self._guard.raise_error()
            self._check(block)
            self.decoded_frames += len(block)
            yield block
        self._guard.raise_error()
        if self._position == 0:
            self._refuse_nothing()
        self.truncation = self._reader.fault or self._shortfall()

    def close(self) -> None:
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _check(self, block: Block) -> None:
        end_s = (self._position + len(block)) / self.format.rate_hz
        if end_s > self._longest_s:
            raise TooLongError(end_s, self._longest_s)
        # Written so that NaN, which compares false with everything, is refused too.
        if block.dtype == np.float32 and not float(np.abs(block).max()) <= _LARGEST_SAMPLE:
            raise InvalidSamplesError(self._position / self.format.rate_hz)

    def _refuse_nothing(self) -> None:
        if self._reader.fault is not None:
            raise NotDecodableError(self.format.container, self._reader.fault)
        raise EmptyRecordingError

    def _shortfall(self) -> str | None:
        claimed = self.format.claimed_frames
        if claimed is None:
            return None
        is_exact = self.format.container in _EXACT_CONTAINERS and self.format.codec not in _PADDED_CODECS
        tolerance = 0 if is_exact else max(_CODEC_PADDING_FRAMES, claimed // 100)
        if self._position >= claimed - tolerance:
            return None
        return f"{self._position} of {claimed} frames are there"

    @property
    def _position(self) -> int:
        return self.first_frame + self.decoded_frames


def open_audio(
    source: Path | BinaryIO, container: Container, limits: AudioLimits, *, avoid_scan: bool = False
) -> AudioStream:
    """Open a recording whose container was sniffed; `source` is a path or a seekable reader, ranged ones too.

    libsndfile reads the whole of an MP3 to know its length. `avoid_scan` takes PyAV's estimate instead,
    which suits a short look at a remote recording; PyAV then decodes a third slower.

    Raises `NotDecodableError`, `NoAudioTrackError`, `EmptyRecordingError`, `TooManyChannelsError`,
    `UnsupportedRateError`; an error of the source itself is raised as it is.
    """
    with ExitStack() as resources:
        binary = resources.enter_context(_unbuffered(source)) if isinstance(source, Path) else source
        guard = GuardedSource(binary)
        opened = _Opened(binary, guard, handle=binary.fileno() if isinstance(source, Path) else guard)
        reader = _open_reader(opened, container, avoid_scan=avoid_scan)
        resources.callback(reader.close)
        limits.check_shape(reader.format)
        return AudioStream(reader, limits, guard, resources.pop_all())


def mono(block: Block) -> npt.NDArray[np.int16] | npt.NDArray[np.float32]:
    """Return the mean of the channels, (n,): int16 mono as it is, everything else float32 in the block's scale.

    Columns are added one by one, which is 25 to 80 times faster than `mean(axis=1)`.
    """
    channels = block.shape[1]
    if channels == 1:
        return block[:, 0]
    total = block[:, 0].astype(np.float32)
    for channel in range(1, channels):
        total += block[:, channel]
    total *= np.float32(1 / channels)
    return total


def _unbuffered(path: Path) -> BinaryIO:
    return cast("BinaryIO", path.open("rb", buffering=0))


def _open_reader(opened: _Opened, container: Container, *, avoid_scan: bool) -> Reader:
    if _suits_libsndfile(opened.binary, container, avoid_scan=avoid_scan):
        try:
            return SndfileReader(opened.handle, opened.binary, container)
        except NoLengthError:
            opened.guard.raise_error()
            return _open_without_length(opened.guard, container)
        except CannotOpenError:
            opened.guard.raise_error()
    return _open_libav(opened.guard, container)


def _open_without_length(guard: GuardedSource, container: Container) -> Reader:
    try:
        return _open_libav(guard, container)
    except NotDecodableError as error:
        raise EmptyRecordingError from error


def _suits_libsndfile(source: BinaryIO, container: Container, *, avoid_scan: bool) -> bool:
    source.seek(0)
    head = source.read(64)
    if container is Container.OGG:
        return b"OpusHead" not in head
    if container is Container.FLAC:
        # Behind an ID3 tag libsndfile opens FLAC, and then seeks to the wrong places.
        return head.startswith(b"fLaC")
    return container not in _LIBAV_CONTAINERS and not (container is Container.MP3 and avoid_scan)


def _open_libav(guard: GuardedSource, container: Container) -> Reader:
    # Imported here because PyAV costs 0.14 s, and WAV, FLAC and OGG never need it.
    from .libav import LibavReader

    try:
        return LibavReader(guard, container)
    except CannotOpenError as error:
        raise NotDecodableError(container, str(error)) from error
