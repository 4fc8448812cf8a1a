"""Chroma, its tuning and the tonnetz are librosa's, in the tuning of the first minute."""

import librosa
import numpy as np
import pytest

from services.analysis.chroma import chroma_filters, chromagram, tonal_centroids
from services.analysis.chroma_stream import ChromaStream
from services.analysis.extractors import EXTRACTORS
from services.analysis.framed import FramedStream
from services.analysis.tuning import estimate_tuning

from .signals import RATE_HZ, Floats, harmonic_tone, heard_with_series, noise, payload, sine
from .test_tempo import as_music

A4_HZ = 440.0


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050])
@pytest.mark.parametrize("tuning", [-0.5, 0.0, 0.31])
def test_chroma_filters_are_librosas_in_any_tuning(rate_hz: int, tuning: float) -> None:
    filters = chroma_filters(rate_hz, bins=1025, tuning=tuning)

    expected = librosa.filters.chroma(sr=rate_hz, n_fft=2048, tuning=tuning)
    np.testing.assert_allclose(filters, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cents", [-45, -20, 0, 13, 37])
def test_the_tuning_of_a_tone_is_found_to_five_cents_and_is_librosas(cents: int) -> None:
    samples = harmonic_tone(A4_HZ * 2 ** (cents / 1200), duration_s=3)
    music, rate_hz = as_music(samples, RATE_HZ)

    tuning = payload("chroma", samples)["tuning"]["value"]

    power = np.square(np.abs(librosa.stft(music)))
    assert tuning == pytest.approx(cents / 100, abs=0.051)
    assert tuning == pytest.approx(librosa.estimate_tuning(S=power, sr=rate_hz), abs=1e-9)


@pytest.mark.filterwarnings("ignore:Trying to estimate tuning from empty frequency set:UserWarning")
@pytest.mark.parametrize("rate_hz", [200, 2_000, 8_000, 22_050])
def test_the_tuning_of_noise_and_of_nothing_is_librosas_at_any_rate(rate_hz: int) -> None:
    power = np.random.default_rng(0).exponential(1, (300, 1025)).astype(np.float32)

    for spectra in (power, np.zeros_like(power), np.ones_like(power)):
        expected = librosa.estimate_tuning(S=spectra.T, sr=rate_hz)
        assert estimate_tuning([spectra[:77], spectra[77:]], rate_hz) == pytest.approx(expected, abs=1e-9)


def test_silent_frames_have_neither_chroma_nor_centroid() -> None:
    silence = np.zeros((3, 1025), dtype=np.float32)

    chroma = chromagram(silence, chroma_filters(22_050, bins=1025, tuning=0.0))

    assert not chroma.any()
    assert not tonal_centroids(chroma).any()


@pytest.mark.parametrize(("midi", "pitch_class"), [(60, 0), (61, 1), (69, 9), (71, 11)])
def test_a_note_is_strongest_in_its_pitch_class(midi: int, pitch_class: int) -> None:
    chroma = payload("chroma", harmonic_tone(A4_HZ * 2 ** ((midi - 69) / 12), duration_s=2))["chroma"]

    assert int(np.argmax(chroma["p50"])) == pitch_class
    assert chroma["p50"][pitch_class] == 1


def test_a_long_recording_is_librosas_in_the_tuning_of_its_first_minute() -> None:
    samples = detuned_after_a_minute()
    music, rate_hz = as_music(samples, RATE_HZ)

    measured, series = heard_with_series(EXTRACTORS["chroma"], samples)

    first = np.square(np.abs(librosa.stft(music)))[:, : 1 + 60 * rate_hz // 512]
    tuning = librosa.estimate_tuning(S=first, sr=rate_hz)
    assert measured["tuning"]["value"] == pytest.approx(tuning, abs=1e-9)
    assert tuning == pytest.approx(0.2, abs=0.051)
    expected = librosa.feature.chroma_stft(y=music, sr=rate_hz, tuning=tuning)
    assert_equal_where_counted(np.stack([series[f"chroma_{index}"] for index in range(12)]), expected)
    np.testing.assert_allclose(series["times_s"], librosa.times_like(expected, sr=rate_hz))


@pytest.mark.parametrize("name", ["chroma", "tonnetz", "key"])
@pytest.mark.parametrize("block_frames", [777, 3_000_000])
def test_harmony_does_not_depend_on_blocks(name: str, block_frames: int) -> None:
    samples = detuned_after_a_minute()

    whole, _ = heard_with_series(EXTRACTORS[name], samples)
    pieces, _ = heard_with_series(EXTRACTORS[name], samples, block_frames=block_frames)

    assert_alike(pieces, whole)


@pytest.mark.parametrize("block_samples", [512, 70 * 512, 128 * 512])
def test_the_tuning_is_that_of_the_first_minute_to_the_frame(block_samples: int) -> None:
    quiet, loud = (tuned_sine(tuning, peak=peak) for tuning, peak in ((0.2, 0.01), (-0.3, 0.5)))
    samples = np.concatenate([quiet[: 72 * 512], loud[: 60 * 512]])
    framed, stream = FramedStream(), ChromaStream(22_050)
    stream._frames_for_tuning = 70

    starts = range(0, len(samples), block_samples)
    blocks = [stream.push(framed.push(samples[start : start + block_samples]), last=False) for start in starts]

    assert blocks[-1].tuning == pytest.approx(0.2, abs=0.051)
    assert sum(len(block.chroma) for block in blocks) == 1 + (len(samples) - 1024) // 512


def tuned_sine(tuning: float, *, peak: float) -> Floats:
    return sine(A4_HZ * 2 ** (tuning / 12), duration_s=2, peak=peak, rate_hz=22_050)


def detuned_after_a_minute() -> Floats:
    parts = (harmonic_tone(A4_HZ * 2 ** (0.2 / 12), duration_s=59.99), sine(A4_HZ, duration_s=4))
    return np.concatenate([*parts, noise(duration_s=1)])


def assert_equal_where_counted(found: Floats, expected: Floats) -> None:
    counted = np.isfinite(found[0])
    assert counted.sum() == found.shape[1] - 4
    np.testing.assert_allclose(found[:, counted], expected[:, counted], rtol=0, atol=1e-4)


def assert_alike(found: object, expected: object) -> None:
    """Compare payloads: numbers to float32, everything else exactly."""
    if isinstance(expected, dict):
        assert isinstance(found, dict)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_alike(found[key], value)
    elif isinstance(expected, list):
        assert isinstance(found, list)
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other)
    else:
        assert (
            found == pytest.approx(expected, rel=1e-5, abs=1e-5) if isinstance(expected, float) else found == expected
        )
