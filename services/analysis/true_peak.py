"""The true peak of ITU-R BS.1770-4: the largest value between the samples, by fourfold oversampling."""

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

# BS.1770-4, Annex 2: four phases of a filter of order 48. A phase is that of another, reversed.
_PHASE_0 = (
    *(0.001708984375, 0.010986328125, -0.0196533203125, 0.033203125, -0.0594482421875, 0.1373291015625),
    *(0.97216796875, -0.102294921875, 0.047607421875, -0.0266113281250, 0.014892578125, -0.00830078125),
)
_PHASE_1 = (
    *(-0.0291748046875, 0.029296875, -0.0517578125, 0.089111328125, -0.16650390625, 0.465087890625),
    *(0.77978515625, -0.2003173828125, 0.1015625, -0.0582275390625, 0.0330810546875, -0.0189208984375),
)
PHASES: Doubles = np.array([_PHASE_0, _PHASE_1, _PHASE_1[::-1], _PHASE_0[::-1]])
_BEFORE = PHASES.shape[1] - 1
# No value between samples is larger than this, times the largest of the twelve samples around it.
_GAIN_MAX = float(np.abs(PHASES).sum(axis=1).max())
_RUN = 256


class TruePeakMeter:
    """The largest magnitude of each channel so far, between the samples and on them."""

    def __init__(self, channels: int) -> None:
        """Start in silence."""
        self._before = np.zeros((channels, _BEFORE), dtype=np.float32)
        self._peaks = np.zeros(channels)

    def add(self, samples: Floats) -> None:
        """Take the next samples, (n, channels) float32."""
        for channel, before in enumerate(self._before):
            stream = np.concatenate([before, samples[:, channel]])
            self._peaks[channel] = _peak(stream, PHASES, _GAIN_MAX, self._peaks[channel])
            self._before[channel] = stream[-_BEFORE:]

    def peaks(self) -> Doubles:
        """Return the true peak of each channel, (channels,) float64; ends the stream."""
        self.add(np.zeros((_BEFORE, len(self._peaks)), dtype=np.float32))
        return self._peaks


@compiled("float64(float32[::1], float64[:,::1], float64, float64)")
def _peak(stream: Floats, phases: Doubles, gain_max: float, peak: float) -> float:
    """Return the larger of `peak` and the true peak of a stream that begins with the samples before it."""
    taps = phases.shape[1]
    between = np.empty(_RUN)
    for start in range(taps - 1, len(stream), _RUN):
        stop = min(start + _RUN, len(stream))
        largest = 0.0
        for index in range(start - taps + 1, stop):
            largest = max(largest, abs(float(stream[index])))
        # Nearly all of a recording is too quiet to hold its peak.
        if largest * gain_max <= peak:
            continue
        peak = max(peak, largest)
        for phase in range(phases.shape[0]):
            between[:] = 0.0
            for tap in range(taps):
                weight = phases[phase, tap]
                for index in range(start, stop):
                    between[index - start] += weight * stream[index - tap]
            for index in range(stop - start):
                peak = max(peak, abs(between[index]))
    return peak
