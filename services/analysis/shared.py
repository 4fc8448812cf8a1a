"""The inputs that several extractors need, computed once for all of them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.decode import mono

from .chroma_stream import ChromaBlock, ChromaStream
from .errors import DeviceFailedError
from .framed import BINS, FRAME_LENGTH, HOP, SILENCE_DBFS, SILENCE_RMS, Floats, FramedBlock, FramedStream, deviations
from .mel import MelProjection
from .mel_windows import MEL_BANDS, MelWindow, SharedMelWindows
from .on_device import FRAMES_AHEAD, SpectraDevice, with_spectra
from .resampled import MUSIC_RATE_HZ, SPEECH_RATE_HZ, ResampledStream, Resampler, music_rate_hz

__all__ = [
    "BINS",
    "FRAME_LENGTH",
    "HOP",
    "MEL_BANDS",
    "MUSIC_RATE_HZ",
    "OF_SPECTRA",
    "SILENCE_DBFS",
    "SILENCE_RMS",
    "SPEECH_RATE_HZ",
    "ChromaBlock",
    "Floats",
    "FramedBlock",
    "Input",
    "MelWindow",
    "SharedBlock",
    "SharedInputs",
    "deviations",
    "frequencies_hz",
    "music_rate_hz",
]

# 64 frames of spectrum and magnitude stay in a core's cache.
_BLOCK_SAMPLES = 64 * HOP


class Input(StrEnum):
    """What an extractor needs of a block."""

    SAMPLES = "samples"
    SPECTRUM = "spectrum"
    MUSIC = "music"
    MUSIC_SPECTRUM = "music_spectrum"
    MUSIC_MEL = "music_mel"
    MUSIC_CHROMA = "music_chroma"
    SPEECH = "speech"


_OF_MUSIC_SPECTRA = frozenset({Input.MUSIC_SPECTRUM, Input.MUSIC_MEL, Input.MUSIC_CHROMA})
_OF_MUSIC = _OF_MUSIC_SPECTRA | {Input.MUSIC}
# What a device can take over.
OF_SPECTRA = _OF_MUSIC_SPECTRA | {Input.SPECTRUM}


class InputNotComputedError(LookupError):
    """An extractor reads what it does not name in its `needs`."""


@dataclass(frozen=True, eq=False)
class SharedBlock(FramedBlock):
    """A piece of the recording in the forms that extractors read; nobody writes to its arrays.

    What is inherited is at the recording's own rate.

    channels     (n, channels) float32, in [-1, 1]
    low_rate     the recording's own rate is that of `music`, or below it
    resampled    the piece at 22,050 Hz, where that is lower and was asked for
    projection   that of the spectrum of `music` on mel bands, where that was asked for
    chroma       what follows the chroma of `music`, where that was asked for
    windows      what collects `music_mel`, where that was asked for
    converted    the piece at 16 kHz, where that was asked for
    """

    channels: Floats
    low_rate: bool = False
    resampled: FramedBlock | None = None
    projection: MelProjection | None = None
    chroma: ChromaStream | None = None
    windows: SharedMelWindows | None = None
    converted: Floats | None = None
    _filled: dict[float, tuple[MelWindow, ...]] = field(default_factory=dict, init=False)

    @property
    def music(self) -> FramedBlock:
        """The mono mix at 22,050 Hz as `librosa.load` returns it; at its own rate where that is lower.

        It comes 64 frames at a time, in step with the recording but not with this block: often it is empty. Raises
        `InputNotComputedError`.
        """
        if self.low_rate:
            return self
        if self.resampled is None:
            raise InputNotComputedError
        return self.resampled

    @cached_property
    def music_mel(self) -> Floats:
        """Power of `music` in 128 mel bands, (k, 128) float32, as in `librosa.feature.melspectrogram`.

        Raises `InputNotComputedError`.
        """
        if self.projection is None:
            raise InputNotComputedError
        if self.music.spectra is not None and self.music.spectra.mel is not None:
            return self.music.spectra.mel
        return self.projection.project(self.music.power)

    @cached_property
    def music_chroma(self) -> ChromaBlock:
        """Chroma of `music`: all of its frames in order, but later than they are in `music`.

        Raises `InputNotComputedError`.
        """
        if self.chroma is None:
            raise InputNotComputedError
        return self.chroma.push(self.music, last=not len(self.samples))

    def mel_windows(self, window_s: float) -> tuple[MelWindow, ...]:
        """Return the windows of `music_mel` that this block fills, and with the last block the rest.

        Who wants windows asks at every block. Raises `InputNotComputedError`.
        """
        if self.windows is None:
            raise InputNotComputedError
        if window_s not in self._filled:
            # At the recording's own rate: what soxr makes of the ends of a constant is no sound.
            sounding = bool(self.sounding.any())
            windows = self.windows.collect(window_s)
            filled = windows.push(self.music_mel, self.music.sounding, sounding=sounding, last=not len(self.samples))
            self._filled[window_s] = tuple(filled)
        return self._filled[window_s]

    @property
    def speech(self) -> Floats:
        """The mono mix at 16 kHz, whatever the recording's rate, (k,) float32: the next samples of it.

        It goes on in step with the recording but not with this block. Raises `InputNotComputedError`.
        """
        if self.converted is None:
            raise InputNotComputedError
        return self.converted


class SharedInputs:
    """Turns decoded blocks of any size into shared blocks of at most 64 frames.

    With a device for spectra they come some 2048 frames late. One that fails is asked no more.
    """

    def __init__(self, *, rate_hz: int, needs: Collection[Input], device: SpectraDevice | None = None) -> None:
        """Start before the first sample; only what is in `needs` is computed."""
        self._needs = frozenset(needs)
        self._native = FramedStream()
        self._low_rate = rate_hz <= MUSIC_RATE_HZ
        hears_music = not self._needs.isdisjoint(_OF_MUSIC)
        self._resampled = ResampledStream(rate_hz) if hears_music and not self._low_rate else None
        self._projection = self._mel_windows = None
        if Input.MUSIC_MEL in self._needs:
            self._mel_windows = SharedMelWindows(music_rate_hz(rate_hz))
            self._projection = MelProjection(music_rate_hz(rate_hz), bins=BINS, bands=MEL_BANDS)
        self._chroma = ChromaStream(music_rate_hz(rate_hz)) if Input.MUSIC_CHROMA in self._needs else None
        self._speech = Resampler(rate_hz, SPEECH_RATE_HZ) if Input.SPEECH in self._needs else None
        self._device = None if self._needs.isdisjoint(OF_SPECTRA) else device
        self._waiting: list[SharedBlock] = []
        self._waiting_frames = 0
        self.computed_on = "cpu"
        self.device_failure: DeviceFailedError | None = None

    def push(self, decoded: NDArray[Any], *, scale: float) -> Iterator[SharedBlock]:
        """Yield the shared blocks of a decoded block, (n, channels) int16 or float32, times `scale` in [-1, 1]."""
        for start in range(0, len(decoded), _BLOCK_SAMPLES):
            piece = decoded[start : start + _BLOCK_SAMPLES]
            samples = mono(piece) * np.float32(scale)
            channels = samples[:, np.newaxis] if piece.shape[1] == 1 else piece * np.float32(scale)
            resampled = self._resampled.push(samples) if self._resampled else None
            speech = self._speech.push(samples) if self._speech else None
            yield from self._next(self._block(self._native.push(samples), channels, resampled, speech))

    def finish(self, *, channels: int) -> Iterator[SharedBlock]:
        """Yield what is left; the last block has no new samples, but the frames that reach over the recording's end."""
        resampled = self._resampled.finish() if self._resampled else None
        speech = self._speech.finish() if self._speech else None
        last = self._block(self._native.finish(), np.empty((0, channels), dtype=np.float32), resampled, speech)
        yield from self._next(last, frames_enough=0)

    def _block(
        self, native: FramedBlock, channels: Floats, resampled: FramedBlock | None, speech: Floats | None
    ) -> SharedBlock:
        return SharedBlock(
            native.samples,
            native.frames,
            native.inner,
            channels,
            self._low_rate,
            resampled,
            self._projection,
            self._chroma,
            self._mel_windows,
            speech,
        )

    def _next(self, block: SharedBlock, *, frames_enough: int = FRAMES_AHEAD) -> Iterator[SharedBlock]:
        """Yield what can be given on now, with everything that is needed of it."""
        self._waiting.append(block)
        self._waiting_frames += len(block.frames)
        if self._device is not None and self._waiting_frames < frames_enough:
            return
        waiting, self._waiting, self._waiting_frames = self._waiting, [], 0
        for each in self._from_device(waiting):
            self._compute(each)
            yield each

    def _from_device(self, blocks: list[SharedBlock]) -> Sequence[SharedBlock]:
        if self._device is None:
            return blocks
        try:
            computed = self._with_spectra(blocks, self._device)
        except DeviceFailedError as error:
            self._device, self.device_failure = None, error
            return blocks
        self.computed_on = self._device.name
        return computed

    def _with_spectra(self, blocks: list[SharedBlock], device: SpectraDevice) -> list[SharedBlock]:
        filters = None if self._projection is None else self._projection.filters
        if self._low_rate:
            return with_spectra(blocks, device, filters)
        if Input.SPECTRUM in self._needs:
            blocks = with_spectra(blocks, device)
        if self._needs.isdisjoint(_OF_MUSIC_SPECTRA):
            return blocks
        music = with_spectra([block.music for block in blocks], device, filters)
        return [replace(block, resampled=each) for block, each in zip(blocks, music, strict=True)]

    def _compute(self, block: SharedBlock) -> None:
        # What is shared is computed now, so that no single extractor is charged with its time.
        if Input.SPECTRUM in self._needs:
            block.compute_spectrum()
        if Input.MUSIC_SPECTRUM in self._needs:
            _ = block.music.power, block.music.sounding
        if Input.MUSIC_MEL in self._needs:
            _ = block.music_mel, block.music.sounding, block.sounding
        for window_s in self._mel_windows.lengths_s if self._mel_windows is not None else ():
            block.mel_windows(window_s)
        if Input.MUSIC_CHROMA in self._needs:
            _ = block.music_chroma


def frequencies_hz(rate_hz: int) -> Floats:
    """Return the frequency of each bin of a shared spectrum, (1025,) float32."""
    return np.linspace(0, rate_hz / 2, BINS, dtype=np.float64).astype(np.float32)
