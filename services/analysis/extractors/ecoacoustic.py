"""Acoustic indices of the soundscape, of the whole recording and of every minute."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from services.analysis.acoustic_indices import (
    Band,
    Convention,
    Counts,
    Doubles,
    acoustic_complexity,
    acoustic_diversity,
    acoustic_evenness,
    bins_within,
    bioacoustic,
    difference_of_soundscapes,
    spectral_entropy,
    temporal_entropy,
)
from services.analysis.dft import packed_spectra
from services.analysis.measures import Measure, Payload, Reason, absent, gathered, measured
from services.analysis.shared import SILENCE_DBFS, Floats, Input, SharedBlock
from services.analysis.soundscape import EntropySums, Envelope, SpectrumSums, windowed

from .protocol import Device
from .settings import ExtractorSettings

_WINDOW_LENGTH = 1024
_HOP = 512
_FRAMES_MIN = 2
_BINS = _WINDOW_LENGTH // 2
_UNITS = {"aci": "index", "adi": "nat", "aei": "ratio", "bi": "index", "ndsi": "ratio"}
_UNITS |= {"hf": "ratio", "ht": "ratio", "h": "ratio"}
_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW_LENGTH) / _WINDOW_LENGTH)).astype(np.float32)
# |X|² times this is mean square: half the spectrum stands for all of it.
_MEAN_SQUARE = 2 / (_WINDOW_LENGTH * float(np.square(_WINDOW.astype(np.float64)).sum()))


EdgeHz = Annotated[float, Field(ge=0, le=200_000)]


@dataclass(frozen=True)
class Ecoacoustic(ExtractorSettings):
    """Settings of the ecoacoustic extractor.

    Frames of 1024 samples, 512 apart, without their mean, Hann window, at the recording's own rate, of the mean of
    the channels; stretches of 512 samples for the envelope. A frame belongs to the minute in which it starts.
    """

    anthrophony_low_hz: EdgeHz = 0.0
    anthrophony_high_hz: EdgeHz = 1000.0
    biophony_low_hz: EdgeHz = 1000.0
    biophony_high_hz: EdgeHz = 10_000.0
    band_step_hz: Annotated[float, Field(ge=100, le=10_000)] = 1000.0
    threshold_db: Annotated[float, Field(ge=-120, le=20)] = -50.0
    convention: Convention = Convention.SOUNDECOLOGY
    silence_dbfs: Annotated[float, Field(ge=-200, le=0)] = SILENCE_DBFS
    window_length: int = field(default=_WINDOW_LENGTH, init=False)
    hop: int = field(default=_HOP, init=False)
    minute_s: float = field(default=60.0, init=False)

    name: ClassVar[str] = "ecoacoustic"
    version: ClassVar[str] = "2"
    description: ClassVar[str] = "Acoustic indices ACI, ADI, AEI, BI, NDSI, Hf, Ht and H, of the whole and per minute."
    needs: ClassVar[Input] = Input.SAMPLES
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0004

    def accumulator(self, *, rate_hz: int, channels: int) -> "EcoacousticAccumulator":
        """Start on a recording."""
        return EcoacousticAccumulator(self, rate_hz)

    @property
    def anthrophony_hz(self) -> Band:
        """Where people and machines are heard."""
        return self.anthrophony_low_hz, self.anthrophony_high_hz

    @property
    def biophony_hz(self) -> Band:
        """Where animals are heard."""
        return self.biophony_low_hz, self.biophony_high_hz

    @property
    def unit_power(self) -> float:
        """What a cell of `threshold_db` re full scale has as |X|²: powers are counted in it, so that it is exact."""
        return float(10 ** (self.threshold_db / 10) / _MEAN_SQUARE)

    def bands(self, frequencies_hz: Doubles) -> Counts:
        """Return the first bin and the one after the last of each band that is scored, (bands, 2) int64."""
        lows_hz = np.arange(self.anthrophony_low_hz, self.biophony_high_hz, self.band_step_hz)
        slices = [bins_within(frequencies_hz, (low_hz, low_hz + self.band_step_hz)) for low_hz in lows_hz]
        return np.array([(each.start, each.stop) for each in slices], dtype=np.int64)


class EcoacousticAccumulator:
    """Sums of the whole and of the present minute; eight numbers for each minute that has passed."""

    def __init__(self, settings: Ecoacoustic, rate_hz: int) -> None:
        """Start before the first frame."""
        self._minute_samples = round(settings.minute_s * rate_hz)
        self._indices = _Indices(settings, rate_hz)
        self._window = _WINDOW / np.float32(np.sqrt(settings.unit_power))
        self._left = np.empty(0, dtype=np.float32)
        self._last_stretch = np.empty((0, _HOP), dtype=np.float32)
        self._before = np.full(_BINS, -1, dtype=np.float32)
        self._samples_taken = self._frames_taken = self._stretches_taken = 0
        self._open: dict[int, _Minute] = {}
        self._spectrum: SpectrumSums | None = None
        self._envelope = EntropySums()
        self._minutes: list[dict[str, Measure]] = []

    def add(self, block: SharedBlock) -> None:
        """Take the next samples."""
        for minute, samples in self._by_minute(block.samples, self._samples_taken, hop=1):
            minute.envelope.add(samples)
        self._samples_taken += len(block.samples)
        stretches = self._stretches(block.samples)
        for minute, part in self._by_minute(stretches, self._stretches_taken, hop=_HOP):
            minute.envelope.add_stretches(part)
        self._stretches_taken += len(stretches)
        spectra = self._spectra(stretches)
        for minute, part in self._by_minute(spectra, self._frames_taken, hop=_HOP):
            minute.spectrum.add(part, self._before, self._indices.bands)
        self._frames_taken += len(spectra)
        # A frame is complete after every sample and stretch that began before it.
        self._close_before(self._frames_taken * _HOP // self._minute_samples)

    def result(self) -> Payload:
        """Return the indices of the whole, and a list per index of those of the minutes."""
        self._close_before(1 + self._samples_taken // self._minute_samples)
        minutes = {name: gathered([each[name] for each in self._minutes], unit=_UNITS[name]) for name in _UNITS}
        return {**self._whole(), "per_minute": minutes}

    def _whole(self) -> dict[str, Measure]:
        if len(self._minutes) == 1:
            return self._minutes[0]
        return self._indices.measures(self._spectrum or self._indices.no_frames(), self._envelope)

    def _by_minute(self, parts: Floats, taken: int, *, hop: int) -> Iterator[tuple["_Minute", Floats]]:
        """Yield the parts that begin in each minute, when `taken` came before them, one every `hop` samples."""
        start = 0
        while start < len(parts):
            index = (taken + start) * hop // self._minute_samples
            stop = min(len(parts), -(-(index + 1) * self._minute_samples // hop) - taken)
            if index not in self._open:
                self._open[index] = _Minute(self._indices.no_frames(), Envelope())
            yield self._open[index], parts[start:stop]
            start = stop

    def _stretches(self, samples: Floats) -> Floats:
        """Return the stretches that `samples` complete, (k, 512) float32."""
        stream = np.concatenate([self._left, samples])
        count = len(stream) // _HOP
        self._left = stream[count * _HOP :]
        return stream[: count * _HOP].reshape(count, _HOP)

    def _spectra(self, stretches: Floats) -> Floats:
        """Return the spectra of the frames that `stretches` complete: a frame is two of them."""
        hops = np.concatenate([self._last_stretch, stretches])
        self._last_stretch = hops[-1:]
        return packed_spectra(windowed(hops, self._window)) if len(hops) > 1 else hops[:0]

    def _close_before(self, index: int) -> None:
        for ended in sorted(each for each in self._open if each < index):
            minute = self._open.pop(ended)
            envelope = EntropySums()
            for sums in (envelope, self._envelope):
                sums.add(minute.envelope.energies())
            self._minutes.append(self._indices.measures(minute.spectrum, envelope))
            if self._spectrum is None:
                self._spectrum = minute.spectrum
            else:
                self._spectrum.merge(minute.spectrum)


@dataclass(eq=False)
class _Minute:
    spectrum: SpectrumSums
    envelope: Envelope


class _Indices:
    """The eight measures of a stretch of sound."""

    def __init__(self, settings: Ecoacoustic, rate_hz: int) -> None:
        self._settings = settings
        self._frequencies_hz: Doubles = np.arange(_BINS, dtype=np.float64) * (rate_hz / _WINDOW_LENGTH)
        self._reaches = rate_hz / 2 >= settings.biophony_high_hz
        self.bands = settings.bands(self._frequencies_hz)

    def no_frames(self) -> SpectrumSums:
        return SpectrumSums.empty(_BINS, len(self.bands))

    def measures(self, spectrum: SpectrumSums, envelope: EntropySums) -> dict[str, Measure]:
        reason = self._reason(spectrum)
        if reason is not None:
            return {name: absent(reason, unit=unit) for name, unit in _UNITS.items()}
        hf, ht = spectral_entropy(spectrum), temporal_entropy(envelope)
        values = {"aci": acoustic_complexity(spectrum), "hf": hf, "ht": ht, "h": hf * ht}
        stated = {name: measured(value, unit=_UNITS[name]) for name, value in values.items()}
        return {name: stated.get(name) or self._of_bands(name, spectrum) for name in _UNITS}

    def _reason(self, spectrum: SpectrumSums) -> Reason | None:
        if spectrum.frames < _FRAMES_MIN:
            return Reason.TOO_SHORT
        silent = 10 ** ((self._settings.silence_dbfs - self._settings.threshold_db) / 10)
        return Reason.SILENT if spectrum.power.sum() / spectrum.frames <= silent else None

    def _of_bands(self, name: str, spectrum: SpectrumSums) -> Measure:
        unit, settings = _UNITS[name], self._settings
        if not self._reaches:
            return absent(Reason.RATE_TOO_LOW, unit=unit)
        if name in {"adi", "aei"}:
            return self._of_scores(name, spectrum)
        if name == "ndsi":
            bands = (settings.anthrophony_hz, settings.biophony_hz, settings.convention)
            return measured(difference_of_soundscapes(spectrum, self._frequencies_hz, *bands), unit=unit)
        if not spectrum.amplitude[bins_within(self._frequencies_hz, settings.biophony_hz)].all():
            return absent(Reason.EMPTY_BAND, unit=unit)
        index = bioacoustic(spectrum, self._frequencies_hz, settings.biophony_hz, settings.convention)
        return measured(index, unit=unit)

    def _of_scores(self, name: str, spectrum: SpectrumSums) -> Measure:
        """State an index of the share of each band's cells that are at least as loud as the threshold."""
        relative = self._settings.convention is Convention.SOUNDECOLOGY
        threshold = spectrum.loudest * 10 ** (self._settings.threshold_db / 10) if relative else 1.0
        scores = spectrum.counts_from(threshold) / (spectrum.frames * np.diff(self.bands)[:, 0])
        if not scores.any():
            return absent(Reason.NOTHING_ABOVE_THRESHOLD, unit=_UNITS[name])
        index = acoustic_diversity(scores) if name == "adi" else acoustic_evenness(scores)
        return measured(index, unit=_UNITS[name])
