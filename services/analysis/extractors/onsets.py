"""Where sounds begin in the recording, and how much of it is silent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from services.analysis.measures import Measure, Payload, Reason, absent, aggregated, listed, measured, unlisted
from services.analysis.mel_windows import WINDOW_S
from services.analysis.onsets import onset_frames, onset_strength
from services.analysis.series import Series
from services.analysis.shared import FRAME_LENGTH, MEL_BANDS, Input, MelWindow, SharedBlock, music_rate_hz

from .pending import PendingSeries
from .protocol import Device, SeriesBlock
from .settings import MusicSettings

_SERIES_UNITS = {"strength": "dB", "onset": "flag"}


@dataclass(frozen=True)
class Onsets(MusicSettings):
    """Settings of the onset extractor.

    Onsets and their strength are those of `librosa.onset.onset_detect` at 22,050 Hz with its defaults: a frame that
    is the highest of its last 30 ms, and stands 7 % of the highest peak above the mean of 100 ms around it. That is
    relative to the strongest onset of each `window_s`, and so noise has onsets, too. Where nothing rises by
    `onset_min_db`, there are none. The first `listed_onsets` are listed.

    `silent_ratio` is the share of the frames inside the recording, at its own rate, that are below `silence_dbfs`,
    direct current aside.
    """

    mel_bands: int = field(default=MEL_BANDS, init=False)
    window_s: Annotated[float, Field(gt=0, le=WINDOW_S)] = WINDOW_S
    onset_min_db: Annotated[float, Field(ge=0)] = 1.0
    listed_onsets: Annotated[int, Field(ge=0, le=100_000)] = 4096

    name: ClassVar[str] = "onsets"
    version: ClassVar[str] = "3"
    description: ClassVar[str] = "When sounds begin, how strongly, and how much of the recording is silent."
    needs: ClassVar[Input] = Input.MUSIC_MEL
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0001

    def accumulator(self, *, rate_hz: int, channels: int) -> "OnsetsAccumulator":
        """Start on a recording."""
        return OnsetsAccumulator(self, music_rate_hz(rate_hz))


class OnsetsAccumulator:
    """Picks the onsets of each window of the mel spectrogram as it fills up."""

    def __init__(self, settings: Onsets, rate_hz: int) -> None:
        """Start before the first frame."""
        self._settings = settings
        self._rate_hz = rate_hz
        self._pending = PendingSeries()
        self._strength = Series()
        self._times_s: list[float] = []
        self._reason: Reason | None = None
        self._listened_s = 0.0
        self._inner = 0
        self._silent = 0

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return _SERIES_UNITS

    def add(self, block: SharedBlock) -> None:
        """Take the frames that the block completes."""
        self._inner += int(np.count_nonzero(block.inner))
        self._silent += int(np.count_nonzero(block.inner & ~block.sounding))
        self._pick(block.mel_windows(self._settings.window_s))

    def series(self) -> SeriesBlock | None:
        """Return onset strength, and 1 where an onset is."""
        return self._pending.take()

    def result(self) -> Payload:
        """Return how many onsets there are, when, and how strong."""
        reason = None if self._listened_s else self._reason or Reason.SILENT
        return {
            "onsets": absent(reason, unit="onsets") if reason else measured(self._strength.count, unit="onsets"),
            "onset_rate": self._onset_rate(reason),
            "onset_times": unlisted(reason, unit="s")
            if reason
            else listed(self._times_s[: self._settings.listed_onsets], unit="s"),
            "onset_strength": aggregated(self._strength, unit="dB", otherwise=reason or Reason.NO_ONSETS),
            "silent_ratio": self._silent_ratio(),
            "rate": measured(self._rate_hz, unit="Hz"),
        }

    def _pick(self, windows: Iterable[MelWindow]) -> None:
        for window in windows:
            reason = window.reason_for_nothing(shortest_s=FRAME_LENGTH / self._rate_hz)
            self._reason = self._reason or reason
            if reason is None:
                self._listened_s += window.end_s - window.start_s
                self._take(window)

    def _take(self, window: MelWindow) -> None:
        strength = onset_strength(window.power).mean
        frames = np.empty(0, dtype=np.intp)
        if strength.max() >= self._settings.onset_min_db:
            frames = onset_frames(strength, self._rate_hz)
        times_s = (window.start_frame + np.arange(len(strength))) / window.frames_per_s
        flags = np.zeros(len(strength), dtype=np.float32)
        flags[frames] = 1
        self._strength.add(strength[frames])
        room = max(0, self._settings.listed_onsets - len(self._times_s))
        self._times_s += times_s[frames[:room]].tolist()
        self._pending.add(SeriesBlock(times_s, {"strength": strength, "onset": flags}))

    def _onset_rate(self, reason: Reason | None) -> Measure:
        if reason is not None:
            return absent(reason, unit="1/s")
        return measured(self._strength.count / self._listened_s, unit="1/s")

    def _silent_ratio(self) -> Measure:
        if not self._inner:
            return absent(Reason.TOO_SHORT, unit="ratio")
        return measured(self._silent / self._inner, unit="ratio")
