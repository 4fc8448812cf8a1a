"""A stream of samples as centred frames with their spectra."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
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

_NO_HOPS: Floats = np.empty(_QUARTERS - 1, dtype=np.float32)


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
        mean, _ = self._hops
        return _averaged(_quarters(mean))

    @cached_property
    def frame_deviation(self) -> Floats:
        """Root mean square of each frame around its mean, (k,) float32."""
        quarters = zip(*map(_quarters, self._hops), strict=True)
        return np.asarray(
            np.sqrt(_averaged([variance + np.square(mean - self.frame_mean) for mean, variance in quarters]))
        )

    @cached_property
    def _hops(self) -> tuple[Floats, Floats]:
        """Mean and variance of the hops that the frames are made of, (k + 3,) float32: neighbours share three."""
        if not len(self.frames):
            return _NO_HOPS, _NO_HOPS
        hops = np.concatenate([self.frames[:, :HOP], self.frames[-1, HOP:].reshape(-1, HOP)])
        mean = np.add.reduce(hops, axis=1) / np.float32(HOP)
        hops -= mean[:, np.newaxis]
        return mean, np.square(deviations(hops))

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


def _quarters(values: Floats) -> list[Floats]:
    """Return the value of the first hop of each frame, of the second, and so on; (k + 3,) in, (k,) out."""
    count = len(values) - _QUARTERS + 1
    return [values[quarter : quarter + count] for quarter in range(_QUARTERS)]


def _averaged(values: list[Floats]) -> Floats:
    return np.asarray(sum(values[1:], start=values[0]) / np.float32(len(values)))


def deviations(centred: Floats) -> Floats:
    """Return the root mean square of each row, (k, n) float32 in, (k,) float32 out."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", centred, centred) / np.float32(centred.shape[1])))
