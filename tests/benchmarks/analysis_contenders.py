"""Ways to compute features in Python, ours among them; runs one of them as a program.

    python -m tests.benchmarks.analysis_contenders dawnchorus pitch long.wav 5

prints the seconds of each run and the peak of memory as JSON. librosa is called as people call it: `librosa.load`
once, outside of what is measured, then a function per feature, each on the loaded array, and mean, deviation, extremes
and quantiles of what it returns. `dawnchorus` begins with the file; `dawnchorus_array` with librosa's array.
"""

import importlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from audio.decode import AudioLimits
from audio.sniff import sniff_source
from services.analysis.allocator import keep_freed_memory
from services.analysis.analyse import analyse
from services.analysis.extractors import SeriesSource, extractors_named
from services.analysis.keys import ranked_keys
from services.analysis.plan import Plan
from services.analysis.settings import AnalysisSettings
from services.analysis.shared import Input, SharedBlock, SharedInputs
from tests.unit.analysis.signals import shared_blocks

from . import acoustic_indices
from .figures import measured

Found = Iterator[Any]

# What the search needs has no counterpart in the libraries that it is compared with.
_OF_THE_SEARCH = {"embedding", "fingerprint"}
_DEFAULT = tuple(name for name in AnalysisSettings.model_fields["extractors"].default if name not in _OF_THE_SEARCH)
# What librosa has no function for is loudness, recorder health, levels and indices.
_OF_LIBROSA = ("spectral", "mel", "mfcc", "chroma", "tonnetz", "key", "tempo", "onsets", "pitch")
FEATURES = {
    "pitch": ("pitch",),
    "tempo": ("tempo",),
    "onsets": ("onsets",),
    "spectral": ("spectral",),
    "mel": ("mel",),
    "mfcc": ("mfcc",),
    "harmony": ("chroma", "tonnetz", "key"),
    "indices": ("ecoacoustic",),
    "librosa's without pitch": tuple(name for name in _OF_LIBROSA if name != "pitch"),
    "librosa's": _OF_LIBROSA,
    "without pitch": tuple(name for name in _DEFAULT if name != "pitch"),
    "default set": _DEFAULT,
}
_PITCH_HZ = {"fmin": 65.40639132514966, "fmax": 2093.004522404789}


def dawnchorus(feature: str, recording: Path) -> None:
    """Decode and analyse, as a job does."""
    keep_freed_memory()
    with recording.open("rb") as head:
        container = sniff_source(head)
    found = analyse(recording, container, AudioLimits(), Plan(FEATURES[feature]), lambda _: None)
    assert all(result.success for result in found.extractors), found.extractors


def dawnchorus_array(feature: str, recording: Path) -> None:
    """Analyse the array that librosa gets."""
    keep_freed_memory()
    samples, rate_hz = _loaded(recording)
    extractors = extractors_named(FEATURES[feature])
    accumulators = [extractor.accumulator(rate_hz=rate_hz, channels=1) for extractor in extractors]
    inputs = SharedInputs(rate_hz=rate_hz, needs={extractor.needs for extractor in extractors})
    for block in (*inputs.push(samples[:, np.newaxis], scale=1.0), *inputs.finish(channels=1)):
        for accumulator in accumulators:
            accumulator.add(block)
            if isinstance(accumulator, SeriesSource):
                accumulator.series()
    for accumulator in accumulators:
        accumulator.result()


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
    for name in _PARTS.get(feature, (feature,)):
        for found in _LIBROSA[name](_module("librosa"), samples, rate_hz):
            _state(np.asarray(found))


def essentia(_: str, recording: Path) -> None:
    """Run MusicExtractor over the file: low-level, rhythmic and tonal descriptors, and their statistics; no pYIN."""
    module = _module("essentia")
    module.log.infoActive = module.log.warningActive = False
    _module("essentia.standard").MusicExtractor()(str(recording))


def earlier(feature: str, recording: Path) -> None:
    """Compute tempo and pitch as the earlier audio processor did, on a loaded array."""
    samples, rate_hz = _loaded(recording)
    if feature in {"tempo", "default set"}:
        _module("librosa").beat.beat_track(y=samples, sr=rate_hz)
    if feature in {"pitch", "default set"}:
        _module("librosa").pyin(samples, sr=rate_hz, **_PITCH_HZ)


def scikit_maad(feature: str, recording: Path) -> None:
    """Compute acoustic indices of a loaded array from two spectrograms, as its examples do."""
    acoustic_indices.scikit_maad(*_loaded_as_it_is(recording))


def scikit_maad_once(feature: str, recording: Path) -> None:
    """Compute acoustic indices of a loaded array from one spectrogram."""
    acoustic_indices.scikit_maad_once(*_loaded_as_it_is(recording))


def _state(values: NDArray[Any]) -> None:
    """Compute what we say of a series, for each row."""
    known = np.ma.masked_invalid(values) if np.isnan(values).any() else values
    for statistic in (np.mean, np.std, np.min, np.max):
        statistic(known, axis=-1)
    np.nanquantile(values, (0.05, 0.5, 0.95), axis=-1)


def _spectral(module: Any, samples: Any, rate_hz: int) -> Found:
    for name in ("spectral_centroid", "spectral_bandwidth", "spectral_rolloff"):
        yield getattr(module.feature, name)(y=samples, sr=rate_hz)
    yield module.feature.spectral_flatness(y=samples)
    yield module.feature.zero_crossing_rate(samples)
    yield module.feature.rms(y=samples)
    yield module.feature.spectral_contrast(y=samples, sr=rate_hz)
    yield module.onset.onset_strength(S=abs(module.stft(samples)), sr=rate_hz, center=False)


def _mel(module: Any, samples: Any, rate_hz: int) -> Found:
    yield module.power_to_db(module.feature.melspectrogram(y=samples, sr=rate_hz, n_mels=64))


def _mfcc(module: Any, samples: Any, rate_hz: int) -> Found:
    coefficients = module.feature.mfcc(y=samples, sr=rate_hz)
    yield coefficients
    yield module.feature.delta(coefficients)
    yield module.feature.delta(coefficients, order=2)


def _harmony(module: Any, samples: Any, rate_hz: int) -> Found:
    """Compute chroma, and of it the tonnetz and the key; librosa's own way to a tonnetz takes three times as long."""
    chroma = module.feature.chroma_stft(y=samples, sr=rate_hz)
    yield chroma
    yield module.feature.tonnetz(chroma=chroma)
    ranked_keys(chroma.mean(axis=1))


def _onsets(module: Any, samples: Any, rate_hz: int) -> Found:
    yield module.onset.onset_strength(y=samples, sr=rate_hz)
    module.onset.onset_detect(y=samples, sr=rate_hz)


def _tempo(module: Any, samples: Any, rate_hz: int) -> Found:
    """Find tempo and beats; a series of windowed tempos, which ours has, too, people do not write."""
    module.beat.beat_track(y=samples, sr=rate_hz)
    yield from ()


def _pitch(module: Any, samples: Any, rate_hz: int) -> Found:
    f0_hz, _, probability = module.pyin(samples, sr=rate_hz, **_PITCH_HZ)
    yield f0_hz
    yield probability


_LIBROSA: dict[str, Callable[[Any, Any, int], Found]] = {
    "pitch": _pitch,
    "tempo": _tempo,
    "onsets": _onsets,
    "spectral": _spectral,
    "mel": _mel,
    "mfcc": _mfcc,
    "harmony": _harmony,
}
_WITHOUT_PITCH = tuple(name for name in _LIBROSA if name != "pitch")
_PARTS = {
    "librosa's without pitch": _WITHOUT_PITCH,
    "librosa's": tuple(_LIBROSA),
    "without pitch": _WITHOUT_PITCH,
    "default set": tuple(_LIBROSA),
}
CONTENDERS: dict[str, Callable[[str, Path], None]] = {
    each.__name__: each
    for each in (
        dawnchorus,
        dawnchorus_array,
        dawnchorus_loaded,
        librosa,
        scikit_maad,
        scikit_maad_once,
        essentia,
        earlier,
    )
}


@cache
def _loaded(recording: Path) -> tuple[Any, int]:
    samples, rate_hz = _module("librosa").load(recording)
    return np.ascontiguousarray(samples), int(rate_hz)


@cache
def _loaded_as_it_is(recording: Path) -> tuple[Any, int]:
    return soundfile.read(recording)


@cache
def _blocks(recording: Path) -> tuple[list[SharedBlock], int]:
    channels, rate_hz = soundfile.read(recording, dtype="float32", always_2d=True)
    return list(shared_blocks(channels, rate_hz, needs=tuple(Input))), rate_hz


@cache
def _module(name: str) -> Any:
    """Import late: ours must not pay for it."""
    warnings.simplefilter("ignore")
    return importlib.import_module(name)


if __name__ == "__main__":
    contender, what, path, wanted_runs = sys.argv[1:]
    work = CONTENDERS[contender]
    print(json.dumps(measured(lambda recording: work(what, recording), Path(path), int(wanted_runs))))  # noqa: T201
