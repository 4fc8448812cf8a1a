"""A recording's outline: lowest and highest sample and RMS of each pixel, at several zooms, from the one pass.

Written as audiowaveform's data format, version 2 (bbc/audiowaveform, doc/DataFormat.md), which peaks.js,
wavesurfer.js and others read. That format has no RMS: the JSON carries it in a field of its own, and as
binary it is a second object of the same format, whose pairs are -RMS and +RMS.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from chassis.compiled import compiled

from .decimals import decimals
from .pooling import Power
from .stft import Samples

FINEST_SAMPLES_PER_PX = 64
# An hour at 44.1 kHz has 1024 samples per pixel then, a day 16,384; memory is 3 MB.
CAPACITY = 1 << 18
_ZOOM_STEP = 4
_OVERVIEW_PX = 800
_FINEST_ZOOM_SAMPLES_PER_PX = 256
_FULL_SCALE = 32_768
_VERSION = 2
_SIXTEEN_BITS_FLAG = 0
_ALL_BUT_SIGN = 0x7FFFFFFF

Amplitudes = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Peaks:
    """The outline at one zoom; full scale is 32,768.

    low, high, rms  (pixels,) int16; the last pixel may hold fewer samples than `samples_per_px`
    """

    rate_hz: int
    samples_per_px: int
    low: Amplitudes
    high: Amplitudes
    rms: Amplitudes

    def json(self) -> bytes:
        """Return audiowaveform's JSON, version 2, with `rms` beside `data`."""
        fields = {
            "version": _VERSION,
            "channels": 1,
            "sample_rate": self.rate_hz,
            "samples_per_pixel": self.samples_per_px,
            "bits": 16,
            "length": len(self.low),
        }
        head = json.dumps(fields, separators=(",", ":")).encode().removesuffix(b"}")
        data, rms = decimals(_pairs(self.low, self.high)), decimals(self.rms)
        return b'%s,"data":[%s],"rms":[%s]}' % (head, data, rms)

    def dat(self) -> bytes:
        """Return audiowaveform's binary format, version 2: pairs of lowest and highest sample."""
        return self._binary(_pairs(self.low, self.high))

    def rms_dat(self) -> bytes:
        """Return the same format with -RMS and +RMS as pairs."""
        return self._binary(_pairs(-self.rms, self.rms))

    def _binary(self, pairs: Amplitudes) -> bytes:
        fields = (_VERSION, _SIXTEEN_BITS_FLAG, self.rate_hz, self.samples_per_px, len(pairs) // 2, 1)
        return struct.pack("<iIiiIi", *fields) + pairs.astype("<i2").tobytes()


class PeakPool:
    """Takes mono samples in order; when there is no room for another pixel, neighbours fold into one.

    scale     what a sample is multiplied by to lie in [-1, 1]
    capacity  how many pixels are kept at most; even
    """

    def __init__(self, scale: float, *, samples_per_px: int = FINEST_SAMPLES_PER_PX, capacity: int = CAPACITY) -> None:
        self._scale = scale
        self._step = samples_per_px
        self._low = np.zeros(capacity, dtype=np.float32)
        self._high = np.zeros(capacity, dtype=np.float32)
        self._squares = np.zeros(capacity, dtype=np.float64)
        self._used = 0
        self._seen = 0
        self._tail: Samples = np.zeros(0, dtype=np.float32)

    def add(self, samples: Samples) -> None:
        """Pool the next samples, (n,) int16 or float32."""
        self._seen += len(samples)
        rest = np.concatenate([self._tail, samples]) if len(self._tail) else samples
        while len(rest) >= self._step:
            if self._used == len(self._low):
                self._fold()
                continue
            pixels = min(len(rest) // self._step, len(self._low) - self._used)
            self._keep(rest[: pixels * self._step].reshape(pixels, self._step))
            rest = rest[pixels * self._step :]
        self._tail = rest.copy()

    def finish(self) -> None:
        """Pool what is left into a last pixel, which holds fewer samples than the others."""
        if len(self._tail) and self._used == len(self._low):
            self._fold()
        if len(self._tail):
            self._keep(self._tail[None, :])
            self._tail = self._tail[:0]

    def finest(self, rate_hz: int) -> Peaks:
        """Return the outline in as many pixels as there are."""
        return self._peaks(self._step, rate_hz)

    def zooms(self, rate_hz: int) -> Iterator[Peaks]:
        """Yield the outline from fine to coarse, each zoom four times coarser, down to a screen's width."""
        step = self._step
        while step < _FINEST_ZOOM_SAMPLES_PER_PX:
            step *= 2
        yield (peaks := self._peaks(step, rate_hz))
        while len(peaks.low) > _OVERVIEW_PX:
            step *= _ZOOM_STEP
            yield (peaks := self._peaks(step, rate_hz))

    def _keep(self, pixels: Samples) -> None:
        here = slice(self._used, self._used + len(pixels))
        low, high, squares = self._low[here], self._high[here], self._squares[here]
        if pixels.dtype == np.int16:
            _summarize_integers(cast("npt.NDArray[np.int16]", pixels), low, high, squares)
        else:
            _find_extremes(pixels.view(np.int32), low.view(np.int32), high.view(np.int32))
            np.einsum("ij,ij->i", pixels, pixels, out=squares)
        self._used = here.stop

    def _fold(self) -> None:
        half = len(self._low) // 2
        np.minimum(self._low[0::2], self._low[1::2], out=self._low[:half])
        np.maximum(self._high[0::2], self._high[1::2], out=self._high[:half])
        np.add(self._squares[0::2], self._squares[1::2], out=self._squares[:half])
        self._used = half
        self._step *= 2

    def _peaks(self, step: int, rate_hz: int) -> Peaks:
        starts = np.arange(0, self._used, step // self._step)
        samples = np.diff(np.append(starts * self._step, self._seen))
        squares = np.add.reduceat(self._squares[: self._used], starts)
        return Peaks(
            rate_hz=rate_hz,
            samples_per_px=step,
            low=self._amplitudes(np.minimum.reduceat(self._low[: self._used], starts)),
            high=self._amplitudes(np.maximum.reduceat(self._high[: self._used], starts)),
            rms=self._amplitudes(np.sqrt(squares / samples)),
        )

    def _amplitudes(self, samples: npt.NDArray[np.floating]) -> Amplitudes:
        scaled = np.rint(samples * (self._scale * _FULL_SCALE))
        amplitudes: Amplitudes = np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
        return amplitudes


def _pairs(first: Amplitudes, second: Amplitudes) -> Amplitudes:
    return np.stack([first, second], axis=1).reshape(-1)


@compiled("void(int16[:, ::1], float32[::1], float32[::1], float64[::1])")
def _summarize_integers(
    pixels: npt.NDArray[np.int16], low: Power, high: Power, squares: npt.NDArray[np.float64]
) -> None:
    for pixel in range(len(pixels)):
        samples = pixels[pixel]
        lowest, highest, total = np.int32(samples[0]), np.int32(samples[0]), np.int64(0)
        for i in range(len(samples)):
            sample = np.int32(samples[i])
            lowest, highest = min(lowest, sample), max(highest, sample)
            total += sample * sample
        low[pixel], high[pixel], squares[pixel] = lowest, highest, total


@compiled("void(int32[:, ::1], int32[::1], int32[::1])")
def _find_extremes(pixels: npt.NDArray[np.int32], low: npt.NDArray[np.int32], high: npt.NDArray[np.int32]) -> None:
    """Find lowest and highest floats by their bits: floats, whose minimum depends on the order, are no vectors."""
    for pixel in range(len(pixels)):
        samples = pixels[pixel]
        lowest, highest = np.int32(_ALL_BUT_SIGN), np.int32(-_ALL_BUT_SIGN)
        for i in range(len(samples)):
            # Ascending as integers: of negative floats, all bits but the sign are turned.
            sample = np.int32(samples[i] ^ ((samples[i] >> 31) & _ALL_BUT_SIGN))
            lowest, highest = min(lowest, sample), max(highest, sample)
        low[pixel] = lowest ^ ((lowest >> 31) & _ALL_BUT_SIGN)
        high[pixel] = highest ^ ((highest >> 31) & _ALL_BUT_SIGN)
