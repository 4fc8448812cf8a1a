"""Which pitch the recording's voiced frames have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from services.analysis.measures import Payload, Reason, measured
from services.analysis.pitch_track import UNVOICED, PitchTracker
from services.analysis.pyin import BINS_PER_SEMITONE, PitchBins, PitchObserver
from services.analysis.shared import FRAME_LENGTH, HOP, Floats, Input, SharedBlock, music_rate_hz
from services.analysis.yin import LagRange

from .pending import PendingSeries
from .pitch_measures import PitchMeasures, share
from .protocol import Device, SeriesBlock
from .settings import MusicSettings

_SERIES_UNITS = {"f0": "Hz", "f0_pyin": "Hz", "voiced_probability": "ratio"}
# librosa's: how far a pitch moves, in octaves per second.
_OCTAVES_PER_S = 35.92
# Below, a frame is longer than a swing.
_LOWEST_VIBRATO_RATE_HZ = 22_000


@dataclass(frozen=True)
class Pitch(MusicSettings):
    """Settings of the pitch extractor.

    The series `f0_pyin` and `voiced_probability` are those of `librosa.pyin` at 22,050 Hz with its defaults, from C2
    to C7 in steps of a tenth of a semitone, frame by frame, as it answers for float64 samples.

    pYIN always finds something: of white noise it calls 40 % voiced, and of a bird above the range an octave or two
    below it. `f0` counts a frame when it is voiced, lies inside the recording, is louder than `silence_dbfs`, is
    voiced with a probability of `probability_min` or more (noise and clicks have 0.01), and does not repeat itself
    sooner than the range's highest pitch. So do the aggregates.

    A recording at a lower rate is heard at its own, with frames of as many samples; the range ends at a quarter of
    the rate.
    """

    f_min_hz: Annotated[float, Field(ge=30, le=500)] = 65.40639132514966
    f_max_hz: Annotated[float, Field(ge=1000, le=5000)] = 2093.004522404789
    lowest_rate_hz: int = field(default=1000, init=False)
    probability_min: Annotated[float, Field(ge=0, le=1)] = 0.1

    name: ClassVar[str] = "pitch"
    version: ClassVar[str] = "4"
    description: ClassVar[str] = "Fundamental frequency by pYIN from C2 to C7, voicing, range and vibrato."
    needs: ClassVar[Input] = Input.MUSIC
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0012

    def accumulator(self, *, rate_hz: int, channels: int) -> "PitchAccumulator":
        """Start on a recording."""
        return PitchAccumulator(self, music_rate_hz(rate_hz))


@dataclass(frozen=True, eq=False)
class _Frames:
    """What is known of frames before their pitch is decided, (k,) each."""

    probability: Floats
    above_range: NDArray[np.bool_]
    sounding: NDArray[np.bool_]

    def followed_by(self, later: "_Frames") -> "_Frames":
        return _Frames(
            np.concatenate([self.probability, later.probability]),
            np.concatenate([self.above_range, later.above_range]),
            np.concatenate([self.sounding, later.sounding]),
        )

    def part(self, part: slice) -> "_Frames":
        return _Frames(self.probability[part], self.above_range[part], self.sounding[part])


_NO_FRAMES = _Frames(np.empty(0, dtype=np.float32), np.empty(0, dtype=np.bool_), np.empty(0, dtype=np.bool_))


class PitchAccumulator:
    """Three series of at most 1 MiB, and 6 MiB of the tracker's values."""

    def __init__(self, settings: Pitch, rate_hz: int) -> None:
        """Start before the first frame."""
        self._settings = settings
        self._rate_hz = rate_hz
        f_max_hz = min(settings.f_max_hz, rate_hz / 4)
        self._usable = rate_hz >= settings.lowest_rate_hz and f_max_hz > 2 * settings.f_min_hz
        if self._usable:
            self._bins = PitchBins(settings.f_min_hz, f_max_hz)
            self._observer = PitchObserver(
                LagRange(rate_hz, settings.f_min_hz, f_max_hz, settings.frame_length), self._bins
            )
            semitones = round(_OCTAVES_PER_S * 12 * HOP / rate_hz)
            self._tracker = PitchTracker(bins=self._bins.count, reach=semitones * BINS_PER_SEMITONE // 2)
        self._f_max_hz = f_max_hz
        self._measures = PitchMeasures(
            frames_per_s=rate_hz / HOP,
            frame_s=FRAME_LENGTH / rate_hz,
            sees_vibrato=rate_hz >= _LOWEST_VIBRATO_RATE_HZ,
        )
        self._waiting = _NO_FRAMES
        self._decided = 0
        self._pending = PendingSeries()
        self._inner = 0
        self._above = 0
        self._anything_sounds = False

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return _SERIES_UNITS

    def add(self, block: SharedBlock) -> None:
        """Take the next frames."""
        music = block.music
        self._anything_sounds |= bool(block.sounding.any())
        if not self._usable or not len(music.frames):
            return
        seen = self._observer.observe(music.frames)
        self._inner += int(np.count_nonzero(music.inner))
        self._waiting = self._waiting.followed_by(
            _Frames(seen.voiced_probability.astype(np.float32), seen.above_range, music.sounding)
        )
        self._take(self._tracker.push(seen.probability, seen.voiced_probability))

    def series(self) -> SeriesBlock | None:
        """Return f0 of the frames that count, that of every frame that pYIN calls voiced, and its probability."""
        return self._pending.take()

    def result(self) -> Payload:
        """Return the aggregates."""
        if self._usable:
            self._take(self._tracker.finish())
        reason = self._reason()
        return {
            **self._measures.stated(frames=self._inner, reason=reason),
            "above_range_ratio": share(self._above, self._inner, reason),
            "searched_from": measured(self._settings.f_min_hz, unit="Hz"),
            "searched_to": measured(self._f_max_hz, unit="Hz"),
            "rate": measured(self._rate_hz, unit="Hz"),
            "forced_frames": measured(self._tracker.forced_frames if self._usable else 0, unit="frames"),
        }

    def _take(self, decided: NDArray[np.int16]) -> None:
        if not len(decided):
            return
        frames, self._waiting = self._waiting.part(slice(len(decided))), self._waiting.part(slice(len(decided), None))
        f0_hz = np.where(decided == UNVOICED, np.nan, self._bins.frequencies_hz[decided])
        likely = (decided != UNVOICED) & (frames.probability >= self._settings.probability_min) & frames.sounding
        counted_hz = np.where(likely & ~frames.above_range, f0_hz, np.nan)
        self._above += int(np.count_nonzero(likely & frames.above_range))
        self._measures.add(counted_hz)
        times_s = (self._decided + np.arange(len(decided))) * HOP / self._rate_hz
        self._decided += len(decided)
        values = (counted_hz.astype(np.float32), f0_hz.astype(np.float32), frames.probability)
        self._pending.add(SeriesBlock(times_s, dict(zip(_SERIES_UNITS, values, strict=True))))

    def _reason(self) -> Reason | None:
        if not self._usable:
            return Reason.RATE_TOO_LOW
        if not self._inner:
            return Reason.TOO_SHORT
        return None if self._anything_sounds else Reason.SILENT
