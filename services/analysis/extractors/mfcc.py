"""The timbre of the recording as mel-frequency cepstral coefficients."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, ClassVar

from pydantic import Field

from services.analysis.measures import Measure, Payload, Reason, aggregated_each, measured, unaggregated
from services.analysis.mel_windows import LOWEST_RATE_HZ, WINDOW_S
from services.analysis.mfcc import DELTA_FRAMES, deltas, mfccs
from services.analysis.music_heard import MusicHeard
from services.analysis.power_levels import RANGE_DB
from services.analysis.series import Columns
from services.analysis.shared import (
    FRAME_LENGTH,
    HOP,
    MEL_BANDS,
    MUSIC_RATE_HZ,
    SILENCE_DBFS,
    Input,
    MelWindow,
    SharedBlock,
    music_rate_hz,
)

from .frame_columns import FrameColumns, numbered
from .protocol import Device, SeriesBlock


@dataclass(frozen=True)
class Mfcc:
    """Settings of the MFCC extractor.

    Coefficients are those of `librosa.feature.mfcc` at 22,050 Hz with its defaults, `delta` and `delta2` those of
    `librosa.feature.delta`, per frame. Levels more than `range_db` below the loudest cell are cut, and that is known
    at the end only: a recording longer than `window_s` is cut into windows of that length, each as librosa would have
    it alone. The aggregates leave out frames that reach over an end of the recording, and frames below `silence_dbfs`.
    """

    coefficients: Annotated[int, Field(ge=13, le=40)] = 20
    rate_hz: int = field(default=MUSIC_RATE_HZ, init=False)
    frame_length: int = field(default=FRAME_LENGTH, init=False)
    hop: int = field(default=HOP, init=False)
    mel_bands: int = field(default=MEL_BANDS, init=False)
    range_db: float = field(default=RANGE_DB, init=False)
    delta_frames: int = field(default=DELTA_FRAMES, init=False)
    window_s: Annotated[float, Field(ge=1, le=WINDOW_S)] = WINDOW_S
    lowest_rate_hz: int = field(default=LOWEST_RATE_HZ, init=False)
    silence_dbfs: float = field(default=SILENCE_DBFS, init=False)

    name: ClassVar[str] = "mfcc"
    version: ClassVar[str] = "3"
    description: ClassVar[str] = "Mel-frequency cepstral coefficients with first and second derivatives."
    needs: ClassVar[Input] = Input.MUSIC_MEL
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0003

    @property
    def parameters(self) -> dict[str, object]:
        """Everything that the values depend on."""
        return asdict(self)

    def accumulator(self, *, rate_hz: int, channels: int) -> "MfccAccumulator":
        """Start on a recording."""
        return MfccAccumulator(self, music_rate_hz(rate_hz))


class MfccAccumulator:
    """Transforms windows of the mel spectrogram as they fill up: 4 MiB for the quantiles."""

    def __init__(self, settings: Mfcc, rate_hz: int) -> None:
        """Start before the first frame."""
        self._rate_hz = rate_hz
        self._count = settings.coefficients
        self._heard = MusicHeard(rate_hz)
        self._window_s = settings.window_s
        self._coefficients = FrameColumns(numbered("mfcc", self._count), "dB", rate_hz)
        self._deltas = {order: Columns(self._count) for order in (1, 2)}

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return self._coefficients.units

    def add(self, block: SharedBlock) -> None:
        """Take the frames that the block completes."""
        self._heard.add(block)
        if self._heard.usable:
            self._take(block.mel_windows(self._window_s))

    def series(self) -> SeriesBlock | None:
        """Return the coefficients of the windows since the last call; their derivatives follow from them."""
        return self._coefficients.series()

    def result(self) -> Payload:
        """Return the aggregates, coefficient by coefficient."""
        reason = self._heard.reason_for_nothing()
        return {
            "mfcc": self._coefficients.aggregated(reason),
            "delta": self._derivative(1, "dB/frame", reason),
            "delta2": self._derivative(2, "dB/frame²", reason),
            "rate": measured(self._rate_hz, unit="Hz"),
        }

    def _take(self, windows: Iterable[MelWindow]) -> None:
        for window in windows:
            if not len(window.power):
                continue
            coefficients = mfccs(window.power, self._count)
            self._coefficients.add(coefficients, window.counted)
            for order, columns in self._deltas.items():
                changes = deltas(coefficients, order=order)
                if changes is not None:
                    columns.add(changes[window.counted])

    def _derivative(self, order: int, unit: str, reason: Reason | None) -> Measure:
        if reason is not None:
            return unaggregated(reason, unit=unit)
        return aggregated_each(self._deltas[order], unit=unit, otherwise=Reason.TOO_SHORT)
