"""A stream of samples as centred frames with their spectra."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .dft import packed_spectra, unpacked_power
from .frames import FrameCutter

FRAME_LENGTH = 2048
HOP = 512
BINS = 1 + FRAME_LENGTH // 2
_QUARTERS = FRAME_LENGTH // HOP

# The gate that ITU-R BS.1770 uses for loudness: what is quieter than this is silence, for every extractor.
SILENCE_DBFS = -70.0
SILENCE_RMS = 10 ** (SILENCE_DBFS / 20)

WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_LENGTH) / FRAME_LENGTH)).astype(np.float32)

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Spectra:
    """What a device made of consecutive frames.

    power  (k, 1025) float32: |STFT|² with a periodic Hann window
    mel    (k, bands) float32: the power in mel bands, where that was asked for
    """

    power: Floats
    mel: Floats | None = None

    def __getitem__(self, frames: slice) -> "Spectra":
        """Return those of some of the frames."""
        return Spectra(self.power[frames], None if self.mel is None else self.mel[frames])


@dataclass(frozen=True, eq=False)
class FramedBlock:
    """A piece of a mono signal; nobody writes to its arrays.

    samples   (n,) float32, in [-1, 1]
    frames    (k, 2048) float32: the frames that these samples complete, hop 512, centred, not windowed
    inner     (k,) bool: the frame lies inside the recording, none of it is padding
    spectra   of the frames, where a device computed them before
    """

    samples: Floats
    frames: Floats
    inner: NDArray[np.bool_]
    spectra: Spectra | None = field(default=None, kw_only=True)

    @cached_property
    def power(self) -> Floats:
        """|STFT|² with a periodic Hann window, (k, 1025) float32."""
        if self.spectra is not None:
            return self.spectra.power
        return unpacked_power(packed_spectra(self.frames * WINDOW))

    @cached_property
    def magnitude(self) -> Floats:
        """|STFT|, (k, 1025) float32."""
        return np.sqrt(self.power)

    @cached_property
    def frame_mean(self) -> Floats:
        """Mean of each frame, (k,) float32: its direct current."""
        mean, _ = self._quarters
        return np.asarray(mean.mean(axis=1))

    @cached_property
    def frame_deviation(self) -> Floats:
        """Root mean square of each frame around its mean, (k,) float32."""
        mean, variance = self._quarters
        between = np.square(mean - self.frame_mean[:, np.newaxis])
        return np.asarray(np.sqrt((variance + between).mean(axis=1)))

    @cached_property
    def _quarters(self) -> tuple[Floats, Floats]:
        """Mean and variance of the four hops in each frame, (k, 4) float32: neighbours share three of them."""
        if not len(self.frames):
            return np.empty((0, _QUARTERS), dtype=np.float32), np.empty((0, _QUARTERS), dtype=np.float32)
        hops = np.concatenate([self.frames[:, :HOP], self.frames[-1, HOP:].reshape(-1, HOP)])
        mean = hops.mean(axis=1)
        variance = np.square(deviations(hops - mean[:, np.newaxis]))
        return sliding_window_view(mean, _QUARTERS), sliding_window_view(variance, _QUARTERS)

    @cached_property
    def sounding(self) -> NDArray[np.bool_]:
        """Whether the frame lies inside the recording and is louder than -70 dBFS, direct current aside, (k,)."""
        return self.inner & (self.frame_deviation > SILENCE_RMS)

    def compute_spectrum(self) -> None:
        """Compute the spectrum, and what goes with it, now instead of at the first look."""
        _ = self.power, self.magnitude, self.sounding


class FramedStream:
    """Frames a stream of samples that arrives in pieces; n samples make 1 + n // 512 frames."""

    def __init__(self) -> None:
        """Start before the first sample."""
        self._cutter = FrameCutter(length=FRAME_LENGTH, hop=HOP, padding=FRAME_LENGTH // 2)
        self._frame_count = 0

    def push(self, samples: Floats) -> FramedBlock:
        """Return `samples`, (n,) float32, and the frames that they complete."""
        frames = self._cutter.push(samples)
        index = self._frame_count + np.arange(len(frames))
        self._frame_count += len(frames)
        return FramedBlock(samples, frames, index * HOP >= FRAME_LENGTH // 2)

    def finish(self) -> FramedBlock:
        """Return no new samples, but the frames that reach over the end."""
        frames = self._cutter.finish()
        return FramedBlock(np.empty(0, dtype=np.float32), frames, np.zeros(len(frames), dtype=np.bool_))


def joined(blocks: list[FramedBlock]) -> FramedBlock:
    """Return neighbouring blocks as one."""
    return FramedBlock(
        np.concatenate([block.samples for block in blocks]),
        np.concatenate([block.frames for block in blocks]),
        np.concatenate([block.inner for block in blocks]),
    )


def deviations(centred: Floats) -> Floats:
    """Return the root mean square of each row, (k, n) float32 in, (k,) float32 out."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", centred, centred) / np.float32(centred.shape[1])))
