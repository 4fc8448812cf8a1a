"""Ways to compute features in Python, ours among them; runs one of them as a program.

    python -m tests.benchmarks.analysis_contenders dawnchorus pitch long.wav 5

prints the seconds of each run and the peak of memory as JSON. librosa is called as people call it: `librosa.load`
once, outside of what is measured, and then a function per feature, each on the loaded array.
"""

import importlib
import json
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from audio.decode import AudioLimits
from audio.sniff import sniff_source
from services.analysis.analyse import analyse
from services.analysis.extractors import extractors_named
from services.analysis.keys import ranked_keys
from services.analysis.plan import Plan
from services.analysis.settings import AnalysisSettings
from services.analysis.shared import Input, SharedBlock
from tests.unit.analysis.signals import shared_blocks

from . import acoustic_indices
from .figures import measured

# What the search needs has no counterpart in the libraries that it is compared with.
_OF_THE_SEARCH = {"embedding", "fingerprint"}
_DEFAULT = tuple(name for name in AnalysisSettings.model_fields["extractors"].default if name not in _OF_THE_SEARCH)
FEATURES = {
    "pitch": ("pitch",),
    "tempo": ("tempo",),
    "onsets": ("onsets",),
    "spectral": ("spectral",),
    "mel": ("mel",),
    "mfcc": ("mfcc",),
    "harmony": ("chroma", "tonnetz", "key"),
    "indices": ("ecoacoustic",),
    "without pitch": tuple(name for name in _DEFAULT if name != "pitch"),
    "default set": _DEFAULT,
}
_PITCH_HZ = {"fmin": 65.40639132514966, "fmax": 2093.004522404789}


def dawnchorus(feature: str, recording: Path) -> None:
    """Decode and analyse, as a job does."""
    with recording.open("rb") as head:
        container = sniff_source(head)
    found = analyse(recording, container, AudioLimits(), Plan(FEATURES[feature]), lambda _: None)
    assert all(result.success for result in found.extractors), found.extractors


def dawnchorus_loaded(feature: str, recording: Path) -> None:
    """Run our extractors alone, on what is decoded, resampled and transformed already."""
    blocks, rate_hz = _blocks(recording)
    for extractor in extractors_named(FEATURES[feature]):
        accumulator = extractor.accumulator(rate_hz=rate_hz, channels=1)
        for block in blocks:
            accumulator.add(block)
        accumulator.result()


def librosa(feature: str, recording: Path) -> None:
    """Call a function per measure on a loaded array."""
    samples, rate_hz = _loaded(recording)
    chosen = _LIBROSA if feature in {"default set", "without pitch"} else {feature: _LIBROSA[feature]}
    for name, call in chosen.items():
        if (feature, name) != ("without pitch", "pitch"):
            call(_module(), samples, rate_hz)


def earlier(feature: str, recording: Path) -> None:
    """Compute tempo and pitch as the earlier audio processor did, on a loaded array."""
    samples, rate_hz = _loaded(recording)
    if feature in {"tempo", "default set"}:
        _module().beat.beat_track(y=samples, sr=rate_hz)
    if feature in {"pitch", "default set"}:
        _module().pyin(samples, sr=rate_hz, **_PITCH_HZ)


def scikit_maad(feature: str, recording: Path) -> None:
    """Compute acoustic indices of a loaded array from two spectrograms, as its examples do."""
    acoustic_indices.scikit_maad(*_loaded_as_it_is(recording))


def scikit_maad_once(feature: str, recording: Path) -> None:
    """Compute acoustic indices of a loaded array from one spectrogram."""
    acoustic_indices.scikit_maad_once(*_loaded_as_it_is(recording))


def _spectral(module: Any, samples: Any, rate_hz: int) -> None:
    for name in ("spectral_centroid", "spectral_bandwidth", "spectral_rolloff"):
        getattr(module.feature, name)(y=samples, sr=rate_hz)
    module.feature.spectral_flatness(y=samples)
    module.feature.zero_crossing_rate(samples)
    module.feature.rms(y=samples)
    module.feature.spectral_contrast(y=samples, sr=rate_hz)
    module.onset.onset_strength(S=abs(module.stft(samples)), sr=rate_hz, center=False)


def _mfcc(module: Any, samples: Any, rate_hz: int) -> None:
    coefficients = module.feature.mfcc(y=samples, sr=rate_hz)
    module.feature.delta(coefficients)
    module.feature.delta(coefficients, order=2)


def _harmony(module: Any, samples: Any, rate_hz: int) -> None:
    """Compute chroma, and of it the tonnetz and the key; librosa's own way to a tonnetz takes three times as long."""
    chroma = module.feature.chroma_stft(y=samples, sr=rate_hz)
    module.feature.tonnetz(chroma=chroma)
    ranked_keys(chroma.mean(axis=1))


def _onsets(module: Any, samples: Any, rate_hz: int) -> None:
    module.onset.onset_strength(y=samples, sr=rate_hz)
    module.onset.onset_detect(y=samples, sr=rate_hz)


_LIBROSA: dict[str, Callable[[Any, Any, int], object]] = {
    "pitch": lambda module, samples, rate_hz: module.pyin(samples, sr=rate_hz, **_PITCH_HZ),
    "tempo": lambda module, samples, rate_hz: module.beat.beat_track(y=samples, sr=rate_hz),
    "onsets": _onsets,
    "spectral": _spectral,
    "mel": lambda module, samples, rate_hz: module.power_to_db(
        module.feature.melspectrogram(y=samples, sr=rate_hz, n_mels=64)
    ),
    "mfcc": _mfcc,
    "harmony": _harmony,
}
CONTENDERS: dict[str, Callable[[str, Path], None]] = {
    each.__name__: each for each in (dawnchorus, dawnchorus_loaded, librosa, earlier, scikit_maad, scikit_maad_once)
}


@cache
def _loaded(recording: Path) -> tuple[Any, int]:
    samples, rate_hz = _module().load(recording)
    return np.ascontiguousarray(samples), int(rate_hz)


@cache
def _loaded_as_it_is(recording: Path) -> tuple[Any, int]:
    return soundfile.read(recording)


@cache
def _blocks(recording: Path) -> tuple[list[SharedBlock], int]:
    channels, rate_hz = soundfile.read(recording, dtype="float32", always_2d=True)
    return list(shared_blocks(channels, rate_hz, needs=tuple(Input))), rate_hz


@cache
def _module() -> Any:
    """Import late: ours must not pay for it."""
    warnings.simplefilter("ignore")
    return importlib.import_module("librosa")


if __name__ == "__main__":
    contender, what, path, wanted_runs = sys.argv[1:]
    work = CONTENDERS[contender]
    print(json.dumps(measured(lambda recording: work(what, recording), Path(path), int(wanted_runs))))  # noqa: T201
