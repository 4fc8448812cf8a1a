"""Which birds, and which other sounds that the model knows, are heard when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from services.analysis.birdnet import (
    EMBEDDING_DIMENSIONS,
    NAME,
    PACKAGES,
    RATE_HZ,
    WINDOW_SAMPLES,
    Heard,
    confidence,
    expected_at,
    labels,
    loaded,
)
from services.analysis.detections import Detection, DetectionTally, untallied
from services.analysis.measures import Payload, Reason, absent, measured
from services.analysis.mel_windows import LOWEST_RATE_HZ
from services.analysis.resampled import Resampler
from services.analysis.shared import Floats, Input, SharedBlock
from services.analysis.sound_windows import SoundWindow, WindowCutter
from services.analysis.upsampled import Upsampler

from .pending import PendingSeries
from .protocol import Device, SeriesBlock
from .settings import ExtractorSettings

_WINDOW_UNITS = {"confidence": "ratio", "detections": "detections"}
_EMBEDDING_UNITS = {f"embedding_{number}": "1" for number in range(EMBEDDING_DIMENSIONS)}


@dataclass(frozen=True)
class Species(ExtractorSettings):
    """Settings of the species extractor.

    BirdNET V2.4 hears windows of 3 s at 48 kHz, `overlap_s` of which they share with the next; the last ones are
    filled up with zeros, if `shortest_s` of them are there. A detection is a label whose confidence reaches
    `min_confidence`; the higher the `sensitivity`, the more do. With `latitude` and `longitude`, only those count
    that the model's own list for that place, and for that `week` of 48 a year, holds likelier than `min_expected`.
    The first `listed_detections` are listed. The series has what goes on inside the model if `embeddings` are wanted.
    A window at or below `silence_dbfs` is not listened to.
    """

    min_confidence: Annotated[float, Field(ge=0.01, le=0.99)] = 0.25
    sensitivity: Annotated[float, Field(ge=0.5, le=1.5)] = 1.0
    overlap_s: Annotated[float, Field(ge=0, le=2)] = 0.0
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    week: Annotated[int, Field(ge=1, le=48)] | None = None
    min_expected: Annotated[float, Field(gt=0, lt=1)] = 0.03
    embeddings: bool = False
    listed_detections: Annotated[int, Field(ge=0, le=20_000)] = 4096
    model: str = field(default=NAME, init=False)
    rate_hz: int = field(default=RATE_HZ, init=False)
    shortest_s: float = field(default=1.5, init=False)
    lowest_rate_hz: int = field(default=LOWEST_RATE_HZ, init=False)
    silence_dbfs: float = field(default=-100.0, init=False)

    name: ClassVar[str] = "species"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = "Birds and other sounds that BirdNET V2.4 detects, per 3 s and per species."
    licence: ClassVar[str] = (
        "CC-BY-NC-SA-4.0, for non-commercial use only: the BirdNET models of the K. Lisa Yang Center for Conservation "
        "Bioacoustics at the Cornell Lab of Ornithology and Chemnitz University of Technology"
    )
    packages: ClassVar[tuple[str, ...]] = PACKAGES
    needs: ClassVar[Input] = Input.SAMPLES
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.01

    def __post_init__(self) -> None:
        """Raise `ValueError` where half a place is given, or a week without one."""
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("a place is a latitude and a longitude")
        if self.week is not None and self.latitude is None:
            raise ValueError("a week tells something of a place only: give latitude and longitude, too")

    def prepare(self) -> None:
        """Load the model."""
        loaded()

    def accumulator(self, *, rate_hz: int, channels: int) -> "SpeciesAccumulator":
        """Start on a recording."""
        return SpeciesAccumulator(self, rate_hz)


class SpeciesAccumulator:
    """Listens to each window as it fills up."""

    def __init__(self, settings: Species, rate_hz: int) -> None:
        """Start before the first sample."""
        self._settings = settings
        self._usable = rate_hz >= settings.lowest_rate_hz
        self._resampler = _resampler(rate_hz)
        hop = WINDOW_SAMPLES - round(settings.overlap_s * RATE_HZ)
        self._cutter = WindowCutter(length=WINDOW_SAMPLES, hop=hop, shortest=round(settings.shortest_s * RATE_HZ))
        self._silence_rms = 10 ** (settings.silence_dbfs / 20)
        self._offset: np.float32 | None = None
        self._expected: NDArray[np.bool_] | None = None
        self._pending = PendingSeries()
        self._windows = 0
        self._heard = 0
        self._tally = DetectionTally(listed_max=settings.listed_detections)

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return _WINDOW_UNITS | _EMBEDDING_UNITS if self._settings.embeddings else _WINDOW_UNITS

    def add(self, block: SharedBlock) -> None:
        """Take the windows that the block completes."""
        if not self._usable or not len(block.samples):
            return
        if self._offset is None:
            # The model does not hear an offset, but would the step that resampling makes of it at the recording's end.
            self._offset = block.samples[0]
        samples = block.samples - self._offset
        self._listen(self._cutter.push(self._resampler.push(samples) if self._resampler else samples))

    def series(self) -> SeriesBlock | None:
        """Return the highest confidence of each window and its number of detections; none where it is silent."""
        return self._pending.take()

    def result(self) -> Payload:
        """Return what was detected: how much, which species, and when."""
        if self._usable:
            if self._resampler:
                self._listen(self._cutter.push(self._resampler.finish()))
            self._listen(self._cutter.finish())
        reason = self._reason()
        if reason is not None:
            return {"windows": absent(reason, unit="windows"), **untallied(reason)}
        return {"windows": measured(self._heard, unit="windows"), **self._tally.stated()}

    def _reason(self) -> Reason | None:
        if not self._usable:
            return Reason.RATE_TOO_LOW
        if not self._windows:
            return Reason.TOO_SHORT
        return None if self._heard else Reason.SILENT

    def _listen(self, windows: Iterable[SoundWindow]) -> None:
        for window in windows:
            self._windows += 1
            sounding = window.samples[: window.end - window.start].std(dtype=np.float64) > self._silence_rms
            self._take(window, loaded().hear(window.samples) if sounding else None)

    def _take(self, window: SoundWindow, heard: Heard | None) -> None:
        highest, found = np.nan, np.nan
        if heard is not None:
            self._heard += 1
            counting = self._counting()
            sure = np.where(counting, confidence(heard.logits, self._settings.sensitivity), 0)
            detected = np.flatnonzero(sure >= self._settings.min_confidence)
            self._note(window, detected[np.argsort(-sure[detected], kind="stable")], sure)
            highest, found = sure.max() if counting.any() else np.nan, len(detected)
        values = {"confidence": _one(highest), "detections": _one(found), **self._embedding(heard)}
        centre_s = window.start / RATE_HZ + WINDOW_SAMPLES / RATE_HZ / 2
        self._pending.add(SeriesBlock(np.array([centre_s]), values))

    def _note(self, window: SoundWindow, detected: NDArray[np.intp], sure: NDArray[np.float64]) -> None:
        for index in detected:
            start_s, end_s = window.start / RATE_HZ, window.end / RATE_HZ
            self._tally.add(Detection(start_s, end_s, labels()[index], float(sure[index])))

    def _counting(self) -> NDArray[np.bool_]:
        """Return which labels count, (labels,) bool: those expected at the place, or all where there is none."""
        if self._expected is None:
            self._expected = np.ones(len(labels()), dtype=np.bool_)
            latitude, longitude = self._settings.latitude, self._settings.longitude
            if latitude is not None and longitude is not None:
                self._expected = expected_at(latitude, longitude, self._settings.week) >= self._settings.min_expected
        return self._expected

    def _embedding(self, heard: Heard | None) -> dict[str, Floats]:
        if not self._settings.embeddings:
            return {}
        values = np.full(EMBEDDING_DIMENSIONS, np.nan, dtype=np.float32)
        if heard is not None:
            values = heard.embedding
        return dict(zip(_EMBEDDING_UNITS, values[:, np.newaxis], strict=True))


def _resampler(rate_hz: int) -> Resampler | Upsampler | None:
    if rate_hz == RATE_HZ:
        return None
    # The model hears up to 15 kHz. How a recording's own band ends below that changes what it says.
    return Upsampler(rate_hz, RATE_HZ) if rate_hz < RATE_HZ else Resampler(rate_hz, RATE_HZ)


def _one(value: float) -> Floats:
    return np.array([value], dtype=np.float32)
