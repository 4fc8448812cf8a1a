"""Whether the recorder did its work: clipping, offset, hum, drop-outs, dead and inverted channels, noise, bandwidth."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from services.analysis.channel_sums import ChannelSums
from services.analysis.measures import Measure, Payload, Reason, absent, gathered, measured
from services.analysis.recorder_health import LIMITS, verdict
from services.analysis.series import Aggregate, Series
from services.analysis.shared import SILENCE_DBFS, SILENCE_RMS, Input, SharedBlock
from services.analysis.steady_spectrum import SteadySpectrum, cut_off
from services.analysis.waveform_faults import FaultScanner, FaultSettings

from .protocol import Device
from .settings import ExtractorSettings

MAINS_HZ = (50, 60)
LOWEST_RATE_HZ = 2000
_WINDOWS_MIN = 5
_LEVELS_MIN = 20
_JUDGED_FROM_S = 1.0


@dataclass(frozen=True)
class Quality(ExtractorSettings):
    """Settings of the quality extractor.

    clipped_run, clipped_from    samples in a row at the channel's extreme, and how far out that must be, full scale
    dropout_s, activity_s        how long a value must repeat itself, with sound for so long before and after it
    dead_below_dbfs              a channel below this RMS records nothing
    dead_below_others_db         neither does one so far below the loudest
    cut_off_drop_db              fall of the steady spectrum at its end
    """

    clipped_run: Annotated[int, Field(ge=2, le=1000)] = 3
    clipped_from: Annotated[float, Field(gt=0, le=1)] = 0.05
    dropout_s: Annotated[float, Field(gt=0, le=1)] = 0.005
    activity_s: Annotated[float, Field(gt=0, le=1)] = 0.005
    dead_below_dbfs: Annotated[float, Field(ge=-200, le=0)] = -100.0
    dead_below_others_db: Annotated[float, Field(ge=20, le=200)] = 60.0
    cut_off_drop_db: Annotated[float, Field(ge=3, le=100)] = 15.0
    silence_dbfs: float = field(default=SILENCE_DBFS, init=False)
    limits: dict[str, dict[str, float | None]] = field(
        default_factory=lambda: {fault: asdict(limit) for fault, limit in LIMITS.items()}, init=False
    )

    name: ClassVar[str] = "quality"
    version: ClassVar[str] = "3"
    description: ClassVar[str] = "Recorder health: faults of the signal, noise floor, bandwidth, and a traffic light."
    needs: ClassVar[Input] = Input.SAMPLES
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0004

    def accumulator(self, *, rate_hz: int, channels: int) -> "QualityAccumulator":
        """Start on a recording."""
        return QualityAccumulator(self, rate_hz=rate_hz, channels=channels)

    def faults(self, rate_hz: int) -> FaultSettings:
        """Return what counts as a fault of the waveform at a rate."""
        return FaultSettings(
            clipped_run=self.clipped_run,
            clipped_from=self.clipped_from,
            dropout_run=max(3, round(self.dropout_s * rate_hz)),
            activity_run=max(3, round(self.activity_s * rate_hz)),
            activity_from=SILENCE_RMS,
        )


class QualityAccumulator:
    """Sums and counts per channel, one steady spectrum, and a series of levels of at most 1 MiB."""

    def __init__(self, settings: Quality, *, rate_hz: int, channels: int) -> None:
        """Start before the first sample."""
        self._settings = settings
        self._rate_hz = rate_hz
        self._sums = ChannelSums(channels)
        self._scanner = FaultScanner(settings.faults(rate_hz), channels=channels)
        self._steady = SteadySpectrum(rate_hz=rate_hz, channels=channels) if rate_hz >= LOWEST_RATE_HZ else None
        self._levels = Series()

    def add(self, block: SharedBlock) -> None:
        """Take the next samples of all channels, and the frames of their mix."""
        level = block.frame_deviation[block.inner]
        self._levels.add(20 * np.log10(level[level > 0]))
        if not len(block.channels):
            return
        self._sums.add(block.channels)
        self._scanner.add(block.channels)
        if self._steady is not None:
            self._steady.add(block.channels)

    def result(self) -> Payload:
        """Return every measure, and the verdict over those that are faults."""
        measures = {**self._of_samples(), **self._of_channels(), **self._of_levels(), **self._of_spectrum()}
        return {**self._judged(measures), **measures}

    def _judged(self, measures: Mapping[str, Measure]) -> dict[str, Measure]:
        if self._sums.frames < _JUDGED_FROM_S * self._rate_hz:
            return {"health": absent(Reason.TOO_SHORT, unit="colour"), "findings": gathered([], unit="fault")}
        silent = float(self._sums.deviation() <= SILENCE_RMS)
        health, faults = verdict({**_severities(measures, self._rate_hz), "silent": silent})
        findings = gathered([measured(fault, unit="fault") for fault in faults], unit="fault")
        return {"health": measured(str(health), unit="colour"), "findings": findings}

    def _of_samples(self) -> dict[str, Measure]:
        offsets = self._sums.means()
        return {
            "clipped_share": measured(self._scanner.clipped_share, unit="ratio"),
            "clipped_runs": measured(self._scanner.clipped_runs, unit="count"),
            "dc_offset": measured(float(offsets[np.abs(offsets).argmax()]), unit="full_scale"),
            "dropouts": measured(self._scanner.dropouts, unit="count"),
            "dropped_share": measured(self._scanner.dropped_share, unit="ratio"),
        }

    def _of_channels(self) -> dict[str, Measure]:
        deviations = self._sums.deviations()
        loudest_db = 20 * np.log10(max(deviations.max(), 1e-10))
        dead_db = max(self._settings.dead_below_dbfs, loudest_db - self._settings.dead_below_others_db)
        dead = deviations < 10 ** (dead_db / 20)
        stated = {"dead_channels": measured(int(dead.sum()), unit="count")}
        if len(deviations) == 1:
            return {**stated, "lowest_correlation": absent(Reason.ONE_CHANNEL, unit="ratio")}
        correlations = self._sums.correlations(~dead)
        if not len(correlations):
            return {**stated, "lowest_correlation": absent(Reason.SILENT, unit="ratio")}
        return {**stated, "lowest_correlation": measured(float(correlations.min()), unit="ratio")}

    def _of_levels(self) -> dict[str, Measure]:
        found = self._levels.aggregate()
        if found is None or found.count < _LEVELS_MIN:
            reason = Reason.TOO_SHORT if self._sums.deviation() > 0 else Reason.SILENT
            return {"noise_floor": absent(reason, unit="dBFS"), "snr": absent(reason, unit="dB")}
        return {"noise_floor": measured(found.p05, unit="dBFS"), "snr": _signal_to_noise(found)}

    def _of_spectrum(self) -> dict[str, Measure]:
        units = {**{f"hum_{mains_hz}_hz": "dB" for mains_hz in MAINS_HZ}, "bandwidth": "Hz"}
        steady = self._steady
        if steady is None:
            return {name: absent(Reason.RATE_TOO_LOW, unit=unit) for name, unit in units.items()}
        reason = self._nothing_steady(steady)
        if reason is not None:
            return {name: absent(reason, unit=unit) for name, unit in units.items()}
        used = cut_off(steady.levels_db(), drop_db=self._settings.cut_off_drop_db)
        hum = {f"hum_{mains_hz}_hz": measured(steady.hum_db(mains_hz), unit="dB") for mains_hz in MAINS_HZ}
        return {**hum, "bandwidth": measured(used * self._rate_hz / 2, unit="Hz")}

    def _nothing_steady(self, steady: SteadySpectrum) -> Reason | None:
        if self._sums.deviation() <= SILENCE_RMS:
            return Reason.SILENT
        return Reason.TOO_SHORT if steady.windows < _WINDOWS_MIN else None


def _severities(measures: Mapping[str, Measure], rate_hz: int) -> dict[str, float]:
    """Return how far each fault goes, of those that could be measured."""
    values = {name: measure["value"] for name, measure in measures.items()}
    known = {name: value for name, value in values.items() if isinstance(value, int | float)}
    found = {
        "clipping": known["clipped_share"],
        "dc_offset": abs(known["dc_offset"]),
        "dropouts": known["dropped_share"],
        "dead_channel": known["dead_channels"],
    }
    if "hum_50_hz" in known:
        found["hum"] = max(known["hum_50_hz"], known["hum_60_hz"])
    if "lowest_correlation" in known:
        found["inverted_channel"] = -known["lowest_correlation"]
    if "bandwidth" in known:
        found["cut_off"] = 1 - known["bandwidth"] / (rate_hz / 2)
    return found


def _signal_to_noise(levels: Aggregate) -> Measure:
    """State the power of loud frames less that of the noise floor, over the noise floor."""
    if levels.p95 <= SILENCE_DBFS:
        return absent(Reason.SILENT, unit="dB")
    floor = 10 ** (levels.p05 / 10)
    signal = 10 ** (levels.p95 / 10) - floor
    if signal <= 0:
        return absent(Reason.NOTHING_ABOVE_THRESHOLD, unit="dB")
    return measured(10 * float(np.log10(signal / floor)), unit="dB")
