"""The timbre of the recording as mel-frequency cepstral coefficients."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import Field

from services.analysis.measures import Measure, Payload, Reason, aggregated_each, unaggregated
from services.analysis.mel_windows import WINDOW_S
from services.analysis.mfcc import DELTA_FRAMES, deltas, mfccs
from services.analysis.power_levels import RANGE_DB
from services.analysis.series import Columns
from services.analysis.shared import MEL_BANDS, Input, MelWindow, SharedBlock, music_rate_hz

from .frame_columns import numbered
from .music_columns import MusicColumns
from .protocol import Device
from .settings import MusicSettings


@dataclass(frozen=True)
class Mfcc(MusicSettings):
    """Settings of the MFCC extractor.

    Coefficients are those of `librosa.feature.mfcc` at 22,050 Hz with its defaults, `delta` and `delta2` those of
    `librosa.feature.delta`, per frame. Levels more than `range_db` below the loudest cell are cut, and that is known
    at the end only: a recording longer than `window_s` is cut into windows of that length, each as librosa would have
    it alone. The aggregates leave out frames that reach over an end of the recording, and frames below `silence_dbfs`.
    """

    coefficients: Annotated[int, Field(ge=13, le=40)] = 20
    mel_bands: int = field(default=MEL_BANDS, init=False)
    range_db: float = field(default=RANGE_DB, init=False)
    delta_frames: int = field(default=DELTA_FRAMES, init=False)
    window_s: Annotated[float, Field(ge=1, le=WINDOW_S)] = WINDOW_S

    name: ClassVar[str] = "mfcc"
    version: ClassVar[str] = "3"
    description: ClassVar[str] = "Mel-frequency cepstral coefficients with first and second derivatives."
    needs: ClassVar[Input] = Input.MUSIC_MEL
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0003

    def accumulator(self, *, rate_hz: int, channels: int) -> "MfccAccumulator":
        """Start on a recording."""
        return MfccAccumulator(self, music_rate_hz(rate_hz))


class MfccAccumulator(MusicColumns):
    """Transforms windows of the mel spectrogram as they fill up: 4 MiB for the quantiles.

    The series are the coefficients; their derivatives follow from them.
    """

    def __init__(self, settings: Mfcc, rate_hz: int) -> None:
        """Start before the first frame."""
        super().__init__(numbered("mfcc", settings.coefficients), "dB", rate_hz)
        self._count = settings.coefficients
        self._window_s = settings.window_s
        self._deltas = {order: Columns(self._count) for order in (1, 2)}

    def take(self, block: SharedBlock) -> None:
        """Take the frames of the windows that the block fills."""
        for window in block.mel_windows(self._window_s):
            if len(window.power):
                self._transform(window)

    def result(self) -> Payload:
        """Return the aggregates, coefficient by coefficient."""
        reason = self.heard.reason_for_nothing()
        return {
            "mfcc": self.columns.aggregated(reason),
            "delta": self._derivative(1, "dB/frame", reason),
            "delta2": self._derivative(2, "dB/frame²", reason),
            "rate": self.rate(),
        }

    def _transform(self, window: MelWindow) -> None:
        coefficients = mfccs(window.power, self._count)
        self.columns.add(coefficients, window.counted)
        for order, columns in self._deltas.items():
            changes = deltas(coefficients, order=order)
            if changes is not None:
                columns.add(changes[window.counted])

    def _derivative(self, order: int, unit: str, reason: Reason | None) -> Measure:
        if reason is not None:
            return unaggregated(reason, unit=unit)
        return aggregated_each(self._deltas[order], unit=unit, otherwise=Reason.TOO_SHORT)
