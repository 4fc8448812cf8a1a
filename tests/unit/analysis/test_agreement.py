"""How far our frames are from librosa's over all real recordings, and what docs/analysis.md says of that."""

from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import pytest

from services.analysis.chroma import TONNETZ_AXES
from services.analysis.contrast import OctaveBands
from services.analysis.extractors import EXTRACTORS
from services.analysis.keys import ranked_keys
from services.analysis.mfcc import deltas, mfccs
from tests.audio import REPOSITORY
from tests.pages import marked_table

from .signals import Floats, heard, heard_with_series, load
from .test_onsets import mel_power
from .test_tempo import as_music

SUFFIXES = {".wav", ".flac", ".ogg", ".mp3"}
ANALYSIS = REPOSITORY / "docs" / "analysis.md"
# Deviations are roundings: another processor rounds in another order.
ORDER_OF_MAGNITUDE = 10
NEGLIGIBLE = 1e-3

# Nine frames at 22,050 Hz: librosa has no derivatives of fewer.
SHORTEST = 9 * 1024

# Of a frame's loudest bin.
CLEAR_OF_ROUNDING = 1e-5
UNCLEAR = "contrast, valley below 1e-5"

Deviations = dict[str, list[Floats]]


@pytest.mark.recordings
@pytest.mark.filterwarnings("ignore:Trying to estimate tuning from empty frequency set:UserWarning")
def test_the_table_of_deviations_from_librosa_is_what_they_are_and_within_its_tolerances(recordings: Path) -> None:
    found = deviations(recordings)

    stated = {row[0].strip("`"): tuple(map(float, row[2:5])) for row in marked_table(ANALYSIS, "agreement")}

    assert stated.keys() == found.keys()
    for measure, pieces in found.items():
        deviation = np.concatenate(pieces)
        largest, median, tolerance = stated[measure]
        assert deviation.max() <= tolerance, measure
        assert largest <= tolerance, measure
        assert alike(deviation.max(), largest, tolerance), (measure, deviation.max(), np.median(deviation))
        assert alike(np.median(deviation), median, tolerance), (measure, deviation.max(), np.median(deviation))


def alike(measured: float, stated: float, tolerance: float) -> bool:
    lower, upper = sorted((measured, stated))
    return upper <= max(ORDER_OF_MAGNITUDE * lower, NEGLIGIBLE * tolerance)


def deviations(recordings: Path) -> Deviations:
    """Return how far each frame that counts is from librosa's, by measure."""
    found: Deviations = {}
    for path in sorted(recordings.rglob("*")):
        if path.suffix not in SUFFIXES:
            continue
        samples, rate_hz = load(path)
        if len(samples) >= SHORTEST:
            for measure, deviation in deviations_of(samples, rate_hz):
                found.setdefault(measure, []).append(deviation.ravel())
    return found


def deviations_of(samples: Floats, rate_hz: int) -> Iterator[tuple[str, Floats]]:
    music, music_rate_hz = as_music(samples, rate_hz)
    expected = {**spectral_frames(samples, rate_hz), **music_frames(music, music_rate_hz)}
    ours = {**own_spectral_frames(samples, rate_hz), **own_music_frames(samples, rate_hz)}
    for measure, reference in expected.items():
        counted = np.isfinite(ours[measure]) & np.isfinite(reference)
        yield measure, np.abs(ours[measure][counted] - reference[counted])
    strength = heard(EXTRACTORS["key"], samples, rate_hz)["strength"]["value"]
    if strength is not None:
        chroma = expected["chroma"][np.isfinite(ours["chroma"]).all(axis=1)]
        yield "strength", np.array([abs(strength - ranked_keys(chroma.mean(axis=0, dtype=np.float64))[0].strength)])


def spectral_frames(samples: Floats, rate_hz: int) -> dict[str, Floats]:
    """Return what librosa says of a recording at its own rate, frames first."""
    magnitude = np.abs(librosa.stft(samples))
    lowest_hz = EXTRACTORS["spectral"].parameters["contrast_lowest_rate_hz"]
    contrast = contrasts(magnitude, rate_hz) if rate_hz >= lowest_hz else {}
    flux = librosa.onset.onset_strength(S=magnitude, sr=rate_hz, center=False)
    return {
        "centroid": librosa.feature.spectral_centroid(S=magnitude, sr=rate_hz)[0],
        "bandwidth": librosa.feature.spectral_bandwidth(S=magnitude, sr=rate_hz)[0],
        "rolloff": librosa.feature.spectral_rolloff(S=magnitude, sr=rate_hz)[0],
        "flatness": librosa.feature.spectral_flatness(S=magnitude)[0],
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(samples)[0],
        "rms": librosa.feature.rms(y=samples)[0],
        "flux": flux,
        **contrast,
    }


def contrasts(magnitude: Floats, rate_hz: int) -> dict[str, Floats]:
    """Return librosa's contrasts, and apart from them those whose valley is what a transform in float32 rounds to."""
    contrast = librosa.feature.spectral_contrast(S=magnitude, sr=rate_hz).T
    _, valleys = OctaveBands(rate_hz).extremes(np.ascontiguousarray(magnitude.T))
    clear = valleys > CLEAR_OF_ROUNDING * magnitude.max(axis=0)[:, np.newaxis]
    return {"contrast": np.where(clear, contrast, np.nan), UNCLEAR: np.where(clear, np.nan, contrast)}


def own_spectral_frames(samples: Floats, rate_hz: int) -> dict[str, Floats]:
    """Return what our series say, NaN where they have no frame."""
    _, series = heard_with_series(EXTRACTORS["spectral"], samples, rate_hz)
    places = np.rint(series.pop("times_s") * rate_hz / 512).astype(int)
    whole = {name: np.full(1 + len(samples) // 512, np.nan, dtype=np.float32) for name in series}
    for name, values in series.items():
        whole[name][places] = values
    contrast = numbered(whole, "contrast")
    return whole | {"contrast": contrast, UNCLEAR: contrast}


def music_frames(music: Floats, rate_hz: int) -> dict[str, Floats]:
    """Return what librosa says of a recording that it loaded, frames first."""
    mel = librosa.feature.melspectrogram(y=music, sr=rate_hz, n_mels=64)
    mfcc = librosa.feature.mfcc(y=music, sr=rate_hz)
    chroma = librosa.feature.chroma_stft(y=music, sr=rate_hz)
    return {
        "mel": librosa.power_to_db(mel, top_db=None).T,
        "mfcc": mfcc.T,
        "delta": librosa.feature.delta(mfcc).T,
        "delta2": librosa.feature.delta(mfcc, order=2).T,
        "chroma": chroma.T,
        "tonnetz": librosa.feature.tonnetz(chroma=chroma).T,
    }


def own_music_frames(samples: Floats, rate_hz: int) -> dict[str, Floats]:
    """Return what our series say, and the derivatives that they leave out; NaN where a frame does not count."""
    mel, mfcc, chroma, tonnetz = (
        heard_with_series(EXTRACTORS[name], samples, rate_hz)[1] for name in ("mel", "mfcc", "chroma", "tonnetz")
    )
    coefficients = numbered(mfcc, "mfcc")
    whole = mfccs(mel_power(samples, rate_hz), coefficients.shape[1])
    silence = np.where(np.isfinite(coefficients), np.float32(0), np.float32(np.nan))
    return {
        "mel": numbered(mel, "mel"),
        "mfcc": coefficients,
        **{name: derivative(whole, order) + silence for name, order in (("delta", 1), ("delta2", 2))},
        "chroma": numbered(chroma, "chroma"),
        "tonnetz": np.stack([tonnetz[axis] for axis in TONNETZ_AXES], axis=1),
    }


def derivative(coefficients: Floats, order: int) -> Floats:
    found = deltas(coefficients, order=order)
    assert found is not None
    return found


def numbered(series: dict[str, Floats], name: str) -> Floats:
    return np.stack(
        [series[f"{name}_{index}"] for index in range(sum(key.startswith(f"{name}_") for key in series))], 1
    )
