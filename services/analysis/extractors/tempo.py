"""How fast the recording's onsets follow each other, where they do so regularly."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median_low
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from services.analysis.measures import Measure, Payload, Reason, absent, aggregated, listed, measured, unlisted
from services.analysis.mel_windows import WINDOW_S
from services.analysis.series import Series
from services.analysis.shared import MEL_BANDS, Input, MelWindow, SharedBlock, music_rate_hz
from services.analysis.tempo_windows import (
    COURSE_STEP_S,
    COURSE_WINDOW_S,
    TempoCourse,
    TempoJudgement,
    TempoWindow,
    judged,
)
from services.analysis.tempogram import MAX_BPM, SPREAD_OCTAVES, START_BPM
from services.analysis.tempogram import WINDOW_S as AUTOCORRELATION_S

from .protocol import Device, SeriesBlock
from .settings import MusicSettings

_SERIES_UNITS = {"bpm": "BPM", "confidence": "ratio"}


@dataclass(frozen=True)
class Tempo(MusicSettings):
    """Settings of the tempo extractor.

    Tempo and beats are those of `librosa.beat.beat_track` at 22,050 Hz, which rests on the median over mel bands of
    onset strength. Recordings longer than `window_s` are cut into windows of that length, each with its own tempo and
    beats; the tempo of the whole is that of the window with the median tempo. The first `listed_beats` are listed.
    `bpm` is the nearest whole number of frames (117.5 for 120 BPM); `beat_bpm` is the mean over that window's beats.

    `confidence` is the autocorrelation coefficient of onset strength at the tempo's period. There is no tempo where it
    is below `confidence_min`, or below `irregular_s` over the duration: of onsets at random times, about 95 % stay
    below that (simulated: 0.40 for 5 s, 0.35 for 6 s, 0.33 for 7 s, 0.29 for 8 s). Nor is there where nothing ever
    rises by `onset_min_db`, as in a steady tone, whose tiny ripple is perfectly regular.

    The series has a tempo by the same rules for every 4 s, 2 s apart: a recording may speed up and have no tempo.
    """

    mel_bands: int = field(default=MEL_BANDS, init=False)
    window_s: Annotated[float, Field(gt=0, le=WINDOW_S)] = WINDOW_S
    autocorrelation_s: float = field(default=AUTOCORRELATION_S, init=False)
    course_window_s: float = field(default=COURSE_WINDOW_S, init=False)
    course_step_s: float = field(default=COURSE_STEP_S, init=False)
    start_bpm: float = field(default=START_BPM, init=False)
    spread_octaves: float = field(default=SPREAD_OCTAVES, init=False)
    max_bpm: float = field(default=MAX_BPM, init=False)
    confidence_min: Annotated[float, Field(ge=0, le=1)] = 0.3
    irregular_s: Annotated[float, Field(ge=0)] = 2.1
    onset_min_db: Annotated[float, Field(ge=0)] = 1.0
    shortest_s: Annotated[float, Field(ge=0)] = 4.0
    listed_beats: Annotated[int, Field(ge=0, le=100_000)] = 4096

    name: ClassVar[str] = "tempo"
    version: ClassVar[str] = "3"
    description: ClassVar[str] = "Beats per minute with a confidence and alternatives, its course, beats, onset rate."
    needs: ClassVar[Input] = Input.MUSIC_MEL
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.00025

    @property
    def judgement(self) -> TempoJudgement:
        """When there is a tempo."""
        return TempoJudgement(self.confidence_min, self.irregular_s, self.onset_min_db, self.shortest_s)

    def accumulator(self, *, rate_hz: int, channels: int) -> "TempoAccumulator":
        """Start on a recording."""
        return TempoAccumulator(self, music_rate_hz(rate_hz))


class TempoAccumulator:
    """Judges windows of the mel spectrogram as they fill up."""

    def __init__(self, settings: Tempo, rate_hz: int) -> None:
        """Start before the first frame."""
        self._settings = settings
        self._rate_hz = rate_hz
        self._windows: list[TempoWindow] = []
        self._courses: list[TempoCourse] = []
        self._course_bpm = Series()

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return _SERIES_UNITS

    def add(self, block: SharedBlock) -> None:
        """Take the frames that the block completes."""
        self._judge(block.mel_windows(self._settings.window_s))

    def series(self) -> SeriesBlock | None:
        """Return the course of the tempo through the windows that are judged."""
        if not self._courses:
            return None
        courses, self._courses = self._courses, []
        return SeriesBlock(
            np.concatenate([course.times_s for course in courses]),
            {
                "bpm": np.concatenate([course.bpm for course in courses]),
                "confidence": np.concatenate([course.confidence for course in courses]),
            },
        )

    def result(self) -> Payload:
        """Return the tempo of the whole, its beats and its course, and the tempo of each window."""
        middle = self._middle()
        return {
            "bpm": middle.bpm(),
            "confidence": middle.confidence(),
            "beat_bpm": middle.beat_bpm(),
            **middle.alternatives(),
            **self._beats(middle),
            "course_bpm": aggregated(self._course_bpm, unit="BPM", otherwise=middle.why),
            "onset_rate": self._onset_rate(),
            "rate": measured(self._rate_hz, unit="Hz"),
            "windows": [window.measures() for window in self._windows],
        }

    def _judge(self, windows: Iterable[MelWindow]) -> None:
        for window in windows:
            found = judged(window, self._settings.judgement)
            self._windows.append(found)
            if len(found.course.times_s):
                self._courses.append(found.course)
                self._course_bpm.add(found.course.bpm[np.isfinite(found.course.bpm)])

    def _beats(self, middle: TempoWindow) -> dict[str, Measure]:
        if middle.reason is not None:
            return {"beats": absent(middle.why, unit="beats"), "beat_times": unlisted(middle.why, unit="s")}
        beats_s = np.concatenate([window.beats_s for window in self._windows])
        return {
            "beats": measured(len(beats_s), unit="beats"),
            "beat_times": listed(beats_s[: self._settings.listed_beats].tolist(), unit="s"),
        }

    def _middle(self) -> TempoWindow:
        """Return the window with the median tempo; without any, the first."""
        tempos = [
            (window.estimate.bpm, index)
            for index, window in enumerate(self._windows)
            if window.estimate is not None and window.reason is None
        ]
        return self._windows[median_low(tempos)[1] if tempos else 0]

    def _onset_rate(self) -> Measure:
        listened = [window for window in self._windows if window.estimate is not None]
        if not listened:
            return absent(self._windows[0].reason or Reason.SILENT, unit="1/s")
        listened_s = sum(window.end_s - window.start_s for window in listened)
        return measured(sum(window.onsets for window in listened) / listened_s, unit="1/s")
