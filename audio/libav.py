"""Decoding by PyAV (FFmpeg's libraries): M4A, AAC, Matroska, Opus, and whatever libsndfile gave up on."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO, cast

import av
import numpy as np
from av.audio.stream import AudioStream as Track
from av.container import InputContainer
from av.stream import Discard, Disposition

from .claims import claimed_frames
from .errors import EmptyRecordingError, NoAudioTrackError
from .format import AudioFormat, Container
from .reader import INT16_SCALE, Block, CannotOpenError
from .source import GuardedSource

# Always named: left to guess, FFmpeg takes a text for a network session or a playlist and opens what it names.
_DEMUXERS = {
    Container.WAV: "wav",
    Container.W64: "w64",
    Container.FLAC: "flac",
    Container.OGG: "ogg",
    Container.MP3: "mp3",
    Container.MP4: "mov",
    Container.ADTS: "aac",
    Container.AIFF: "aiff",
    Container.CAF: "caf",
    Container.MATROSKA: "matroska",
}
# These may hold pictures only; any other container without audio is a broken one.
_MULTIMEDIA = {Container.MP4, Container.MATROSKA, Container.OGG}
_NO_PROTOCOL = {"protocol_whitelist": "none"}
_READ_BYTES = 131_072
_MICROSECOND = Fraction(1, 1_000_000)
# A decoder that starts in the middle lacks what came before: MP3's bit reservoir reaches ten packets back.
_RUN_UP_FRAMES = 11_520
_PROTECTED = "its audio is encrypted (DRM)"
_PCM_BITS = re.compile(r"pcm_[a-z]+(\d+)")


class LibavReader:
    """Reads through PyAV; the format is that of the first decoded frame, not of the header."""

    def __init__(self, guard: GuardedSource, container: Container) -> None:
        self.fault: str | None = None
        self._guard = guard
        self._container = container
        self._timestamp: int | None = None
        self._pending: list[Block] = []
        self._claim = claimed_frames(cast("BinaryIO", guard), container)
        first = self._start()
        self.scale = INT16_SCALE if first.dtype == np.int16 else 1.0
        self.format = self._format(container, first.shape[1])
        self.expected_frames = self.format.claimed_frames
        self._nothing = first[:0]

    def read(self, frames: int) -> Block:
        held = sum(len(piece) for piece in self._pending)
        while held < frames and (piece := next(self._frames, None)) is not None:
            self._pending.append(piece)
            held += len(piece)
        joined = np.concatenate([self._nothing, *self._pending])
        self._pending = [joined[frames:]] if held > frames else []
        return joined[:frames]

    def seek(self, frame: int) -> int:
        """Go to the packet a run-up before `frame`, or back to the start where there is no way to it."""
        is_far = frame > _RUN_UP_FRAMES and not self._tells_wrong_times
        if is_far and (landed := self._jump(frame - _RUN_UP_FRAMES)) is not None and landed <= frame:
            return landed
        self._input.close()
        self._start()
        return 0

    def close(self) -> None:
        self._input.close()

    def _start(self) -> Block:
        self._guard.seek(0)
        self.fault = None
        self._input = _open_input(self._guard, self._container)
        try:
            self._stream = _audio_stream(self._input, self._container)
            self._frames = self._decoded()
            first = self._first_frame()
        except BaseException:
            self._input.close()
            raise
        self._origin, self._first_length = self._timestamp or 0, len(first)
        self._pending = [first]
        return first

    def _jump(self, frame: int) -> int | None:
        """Seek to the last packet that starts at `frame` or before it; return where it starts, None if unknown."""
        tick_frames = self._tick * self.format.rate_hz
        self.fault = None
        try:
            self._input.seek(self._origin + int(frame / tick_frames), stream=self._stream)
        except av.FFmpegError:
            return None
        self._frames = self._decoded()
        landed = next(self._frames, None)
        if landed is None or self._timestamp is None:
            return None
        self._pending = [landed]
        return _frame_at((self._timestamp - self._origin) * tick_frames, self._first_length, len(landed), tick_frames)

    @property
    def _tells_wrong_times(self) -> bool:
        # After a seek in OGG, FFmpeg gives FLAC's packets the times of others.
        return self._container is Container.OGG and self.format.codec == "flac"

    @property
    def _tick(self) -> Fraction:
        return self._stream.time_base or _MICROSECOND

    def _first_frame(self) -> Block:
        first = next(self._frames, None)
        if first is not None:
            return first
        self._guard.raise_error()
        if self.fault is not None:
            raise CannotOpenError(self.fault)
        raise EmptyRecordingError

    def _decoded(self) -> Iterator[Block]:
        """Convert frame by frame, up to the end or to the first change of format; the last one without its padding."""
        agreed = None
        for frame, is_last in _with_last(self._frames_in_order()):
            found = (frame.sample_rate, frame.layout.nb_channels, frame.format.name)
            agreed = agreed or found
            if found != agreed:
                self.fault = f"the format changes on the way, from {agreed} to {found}"
                return
            self._timestamp = frame.pts
            yield _samples(frame)[: self._presented(frame) if is_last else None]

    def _frames_in_order(self) -> Iterator[av.AudioFrame]:
        """Decode up to the end or to the first fault."""
        try:
            for packet in self._input.demux(self._stream):
                if packet.has_sidedata("encryption_info"):
                    self.fault = _PROTECTED
                    return
                yield from packet.decode()
        except av.FFmpegError as error:
            self.fault = error.strerror or type(error).__name__

    def _presented(self, last: av.AudioFrame) -> int:
        """Return how much of the last frame MP4's edit list presents: an encoder fills its last packet with silence.

        The list counts in the film's own unit, often milliseconds.
        """
        track = self._stream
        if self._container is not Container.MP4 or last.pts is None or track.duration is None:
            return last.samples
        end = (track.start_time or 0) + track.duration
        frames = round((end - last.pts) * self._tick * last.sample_rate)
        return frames if 0 < frames < last.samples else last.samples

    def _format(self, container: Container, channels: int) -> AudioFormat:
        context = self._stream.codec_context
        rate_hz = context.sample_rate
        return AudioFormat(
            container=container,
            codec=context.codec.canonical_name.removesuffix("le").removesuffix("be"),
            rate_hz=rate_hz,
            channels=channels,
            bit_depth=_bit_depth(context.codec.canonical_name, context.format.bits),
            claimed_frames=None if container is Container.ADTS else self._claimed_frames(rate_hz),
        )

    def _claimed_frames(self, rate_hz: int) -> int | None:
        if self._claim is not None:
            return self._claim
        if self._stream.duration and self._stream.time_base:
            return round(self._stream.duration * self._stream.time_base * rate_hz)
        return round(self._input.duration * _MICROSECOND * rate_hz) if self._input.duration else None


def read_tags(source: BinaryIO, container: Container) -> dict[str, str]:
    """Return what the container and its first audio track say in words; nothing where it cannot be opened."""
    guard = GuardedSource(source)
    source.seek(0)
    try:
        with _open_input(guard, container) as opened:
            tracks = opened.streams.audio
            return {**(tracks[0].metadata if tracks else {}), **opened.metadata}
    except CannotOpenError:
        return {}
    finally:
        guard.raise_error()


def _open_input(guard: GuardedSource, container: Container) -> InputContainer:
    demuxer = _DEMUXERS[container]
    try:
        return av.open(
            guard,
            "r",
            format=demuxer,
            container_options=_NO_PROTOCOL,
            buffer_size=_READ_BYTES,
            # Many tags are in another alphabet than they say.
            metadata_errors="replace",
        )
    except av.FFmpegError as error:
        guard.raise_error()
        raise CannotOpenError(error.strerror or type(error).__name__) from error


def _audio_stream(source: InputContainer, container: Container) -> Track:
    """Return the first audio track that is marked as default, or else the first, and have no other one read."""
    tracks = source.streams.audio
    if not tracks:
        raise NoAudioTrackError(container) if container in _MULTIMEDIA else CannotOpenError("no frame was found")
    stream = next((track for track in tracks if track.disposition & Disposition.default), tracks[0])
    if stream.codec_context is None:
        raise CannotOpenError("there is no decoder for its codec")
    if stream.codec_context.codec_tag == "drms":
        raise CannotOpenError(_PROTECTED)
    for other in source.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    return stream


def _frame_at(estimate: Fraction, first_length: int, length: int, tick_frames: Fraction) -> int:
    """Return the sample that a timestamp means.

    Matroska counts milliseconds. As packets are of one length after the first, the nearest start of one is exact.
    """
    start = first_length + round((estimate - first_length) / length) * length
    return start if abs(start - estimate) <= tick_frames else round(estimate)


def _with_last(frames: Iterator[av.AudioFrame]) -> Iterator[tuple[av.AudioFrame, bool]]:
    held = next(frames, None)
    while held is not None:
        following = next(frames, None)
        yield held, following is None
        held = following


def _bit_depth(codec: str, bits: int) -> int | None:
    if named := _PCM_BITS.match(codec):
        return int(named[1])
    # What FLAC gives in 32 bits may have 20, 24 or 32.
    return 16 if codec == "flac" and bits == 16 else None


def _samples(frame: av.AudioFrame) -> Block:
    """Return one decoded frame as (n, channels), int16 where it is that, otherwise float32 in [-1, 1]."""
    content = frame.to_ndarray()
    block = content.T if frame.format.is_planar else content.reshape(-1, frame.layout.nb_channels)
    if block.dtype == np.int16:
        return cast("Block", block)
    if block.dtype == np.uint8:
        return (block.astype(np.int16) - 128) << 8
    if block.dtype == np.int32:
        return block.astype(np.float32) * np.float32(2**-31)
    return block.astype(np.float32, copy=False)
