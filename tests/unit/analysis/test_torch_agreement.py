"""How far what is computed with PyTorch is from what is computed without, and what docs/analysis.md says of that."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.fingerprint import HEADER_BYTES
from services.analysis.contrast import BANDS_FROM_HZ, LOWEST_RATE_HZ, OctaveBands
from services.analysis.extractors import EXTRACTORS, AttachmentSource
from services.analysis.on_device import SpectraDevice
from services.analysis.shared import OF_SPECTRA, SharedBlock
from tests.pages import marked_table
from tests.torch_device import FakeGpu, torch_stft

from .signals import Floats, all_heard, load, shared_blocks
from .test_agreement import ANALYSIS, CLEAR_OF_ROUNDING, SUFFIXES, UNCLEAR

NAMED_BY_SERIES = {"spectral", "onsets", "tempo"}


@pytest.mark.recordings
def test_with_a_device_every_recording_says_the_same_within_the_tolerances_of_the_table(recordings: Path) -> None:
    found: dict[str, float] = {}
    for path in sorted(recordings.rglob("*")):
        if path.suffix in SUFFIXES:
            for measure, deviation in deviations(*load(path)):
                found[measure] = max(found.get(measure, 0.0), float(np.nanmax(deviation, initial=0)))

    stated = {row[0].strip("`"): (float(row[2]), float(row[3])) for row in marked_table(ANALYSIS, "devices")}

    assert stated.keys() == found.keys(), found
    for measure, (largest, tolerance) in stated.items():
        assert max(largest, found[measure]) <= tolerance, (measure, found[measure])


def deviations(samples: Floats, rate_hz: int) -> Iterator[tuple[str, Any]]:
    """Yield how far values are apart, by measure; words, reasons and counts have to be the same."""
    if not len(samples):
        return
    ours, theirs = (Heard(samples, rate_hz, device) for device in (None, torch_stft.TorchSpectra(FakeGpu())))
    for place, values in ours.series.items():
        assert np.array_equal(np.isfinite(values), np.isfinite(theirs.series[place])), place
        yield from by_measure(*place, np.abs(values - theirs.series[place]), ours)
    for value, other in zip(leaves(ours.payloads), leaves(theirs.payloads), strict=True):
        assert isinstance(value, float) or value == other, (value, other)
    yield "vector", np.abs(ours.vector - theirs.vector)
    everything = ours.landmarks | theirs.landmarks
    if everything:
        yield "landmarks", 1 - len(ours.landmarks & theirs.landmarks) / len(everything)


class Heard:
    """What every extractor of spectra says of a recording.

    clear  (frames, 7) bool: the valley of contrast stands clear of rounding noise, in frames inside the recording
    """

    def __init__(self, samples: Floats, rate_hz: int, device: SpectraDevice | None) -> None:
        self.payloads: dict[str, Any] = {}
        self.series: dict[tuple[str, str], Floats] = {}
        self.landmarks: set[bytes] = set()
        readers = {name: each for name, each in EXTRACTORS.items() if each.needs in OF_SPECTRA}
        blocks = list(shared_blocks(samples, rate_hz, needs={each.needs for each in readers.values()}, device=device))
        for name, extractor in readers.items():
            accumulator = extractor.accumulator(rate_hz=rate_hz, channels=1)
            self.payloads[name], series = all_heard(accumulator, blocks)
            self.series |= {(name, each): values for each, values in series.items()}
            if isinstance(accumulator, AttachmentSource):
                content = b"".join(accumulator.attachment() or ())[HEADER_BYTES:]
                self.landmarks = set(np.frombuffer(content, dtype="V8").tolist())
        # Stated by landmarks.
        del self.payloads["fingerprint"]
        self.vector = np.array(self.payloads["embedding"]["vector"]["values"] or [0.0])
        self.clear = clear_valleys(blocks, rate_hz)


def clear_valleys(blocks: Sequence[SharedBlock], rate_hz: int) -> NDArray[np.bool_]:
    magnitude = np.concatenate([block.magnitude[block.inner] for block in blocks])
    if rate_hz < LOWEST_RATE_HZ:
        return np.zeros((len(magnitude), len(BANDS_FROM_HZ)), dtype=np.bool_)
    _, valleys = OctaveBands(rate_hz).extremes(magnitude)
    return np.asarray(valleys > CLEAR_OF_ROUNDING * magnitude.max(axis=1, keepdims=True))


def by_measure(extractor: str, series: str, deviation: Floats, of: Heard) -> Iterator[tuple[str, Floats]]:
    if series == "times_s":
        return
    if series.startswith("contrast_"):
        clear = of.clear[:, int(series.removeprefix("contrast_"))]
        yield "contrast", deviation[clear]
        yield UNCLEAR, deviation[~clear]
    elif extractor in NAMED_BY_SERIES:
        yield series, deviation
    else:
        yield extractor, deviation


def leaves(payload: Any) -> Iterator[Any]:
    """Yield every value, unit and reason of payloads."""
    if isinstance(payload, dict | list | tuple):
        for each in payload.values() if isinstance(payload, dict) else payload:
            yield from leaves(each)
        return
    yield payload
