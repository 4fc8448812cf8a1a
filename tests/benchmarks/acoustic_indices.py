"""Acoustic indices by us and by scikit-maad, in one process: `python -m tests.benchmarks.acoustic_indices RECORDING…`.

Prints CPU time per minute of audio, the best of fifteen rounds each, their ratio, the ratio where scikit-maad computes
one spectrogram instead of two, and the largest relative deviation of each index; writes
build/bench/acoustic_indices.json. All begin with the samples in memory. scikit-maad comes with requirements/bench.txt.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from services.analysis.extractors.ecoacoustic import Ecoacoustic
from services.analysis.shared import SharedBlock
from tests.unit.analysis.signals import shared_blocks

REPORT = Path(__file__).resolve().parents[2] / "build" / "bench" / "acoustic_indices.json"
INDICES = ("aci", "adi", "aei", "bi", "ndsi", "hf", "ht")
ROUNDS = 15
LONGEST_S = 60


def ours(blocks: list[SharedBlock], rate_hz: int) -> dict[str, float]:
    """Return the indices of blocks as the engine has them."""
    accumulator = Ecoacoustic().accumulator(rate_hz=rate_hz, channels=1)
    for block in blocks:
        accumulator.add(block)
    stated: dict[str, Any] = accumulator.result()
    return {index: stated[index]["value"] for index in INDICES}


def scikit_maad(samples: NDArray[np.float64], rate_hz: int) -> dict[str, float]:
    """Return the indices as the examples of scikit-maad's functions compute them: from two spectrograms."""
    power, _, frequencies_hz, _ = _sound().spectrogram(samples, rate_hz)
    amplitude, _, _, _ = _sound().spectrogram(samples, rate_hz, mode="amplitude")
    return _indices(samples, power, amplitude, frequencies_hz)


def scikit_maad_once(samples: NDArray[np.float64], rate_hz: int) -> dict[str, float]:
    """Return the indices from one spectrogram, as who minds the time would compute them."""
    power, _, frequencies_hz, _ = _sound().spectrogram(samples, rate_hz)
    return _indices(samples, power, np.sqrt(power), frequencies_hz)


def _indices(samples: NDArray[np.float64], power: Any, amplitude: Any, frequencies_hz: Any) -> dict[str, float]:
    features = importlib.import_module("maad.features")
    bands = {"fmin": 0, "fmax": 10_000, "bin_step": 1000, "dB_threshold": -50}
    return {
        "aci": features.acoustic_complexity_index(amplitude)[2],
        "adi": features.acoustic_diversity_index(amplitude, frequencies_hz, **bands),
        "aei": features.acoustic_eveness_index(amplitude, frequencies_hz, **bands),
        "bi": features.bioacoustics_index(amplitude, frequencies_hz, flim=(1000, 10_000)),
        "ndsi": features.soundscape_index(power, frequencies_hz)[0],
        "hf": features.frequency_entropy(power)[0],
        "ht": features.temporal_entropy(samples),
    }


def _sound() -> Any:
    return importlib.import_module("maad.sound")


def compared(recording: Path) -> dict[str, Any]:
    """Return what both need for a recording, and how far their values are apart."""
    rate_hz = soundfile.info(recording).samplerate
    channels, _ = soundfile.read(recording, LONGEST_S * rate_hz, dtype="float32", always_2d=True)
    samples = channels[:, :1] - channels[:, :1].mean()
    blocks = list(shared_blocks(samples, rate_hz))
    theirs = np.ascontiguousarray(samples[:, 0].astype(np.float64))
    our_s, our_values = best(lambda: ours(blocks, rate_hz))
    their_s, their_values = best(lambda: scikit_maad(theirs, rate_hz))
    once_s, _ = best(lambda: scikit_maad_once(theirs, rate_hz))
    minutes = len(samples) / rate_hz / 60
    return {
        "recording": recording.name,
        "ours_ms_per_minute": 1000 * our_s / minutes,
        "scikit_maad_ms_per_minute": 1000 * their_s / minutes,
        "ratio": their_s / our_s,
        "ratio_of_one_spectrogram": once_s / our_s,
        "deviations": {index: abs(our_values[index] / their_values[index] - 1) for index in INDICES},
    }


def best(compute: Callable[[], dict[str, float]]) -> tuple[float, dict[str, float]]:
    """Return the least CPU time of some rounds, and the values of the last."""
    spent_s = []
    for _ in range(ROUNDS):
        started_s = time.process_time()
        values = compute()
        spent_s.append(time.process_time() - started_s)
    return min(spent_s), values


def main(recordings: list[Path]) -> None:
    """Compare recordings one by one."""
    found = [compared(recording) for recording in recordings]
    for each in found:
        deviations = " ".join(f"{index} {value:.0e}" for index, value in each["deviations"].items())
        times = f"{each['ours_ms_per_minute']:6.1f} {each['scikit_maad_ms_per_minute']:7.1f} ms/min"
        ratios = f"{each['ratio']:6.1f} x {each['ratio_of_one_spectrogram']:6.1f} x"
        sys.stdout.write(f"{each['recording']:32} {times} {ratios}   {deviations}\n")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
