"""Recordings that sound alike have vectors near each other, however they are coded, cut, or turned up."""

from pathlib import Path

import numpy as np
import pytest

from tests.audio import encode

from .signals import Floats, decoded, load, noise, payload, sine

MUSIC = ["music_fast.ogg", "music_slow.ogg"]
VOICE = ["voice.flac", "voice.ogg"]
FIELD = ["1min.wav", "birds_10s.wav", "metadata.wav", "rugr_drum.wav", "spinetail.wav"]
NIGHT = ["night/S4A03895_20190522_000000.wav", "night/S4A03895_20190522_070000.wav"]
EVERYTHING = [*MUSIC, "snare_accelerate.ogg", *VOICE, *FIELD, *NIGHT]


@pytest.fixture(scope="module")
def vectors(recordings: Path) -> dict[str, Floats]:
    """The vector of each whole recording."""
    return {name: vector(*load(recordings / name)) for name in EVERYTHING}


def test_a_vector_has_384_dimensions_and_length_one() -> None:
    stated = vector(noise(duration_s=2), 44_100)

    assert stated.shape == (384,)
    assert np.linalg.norm(stated) == pytest.approx(1, abs=1e-5)


def test_the_same_samples_have_the_same_vector_however_they_come() -> None:
    samples = noise(duration_s=3) + sine(700, duration_s=3)

    pieces = [vector(samples, 44_100, block_frames=frames) for frames in (65_536, 65_536, 1000)]

    np.testing.assert_array_equal(pieces[0], pieces[1])
    # soxr rounds otherwise when samples come in other blocks.
    np.testing.assert_allclose(pieces[0], pieces[2], atol=1e-3)


@pytest.mark.recordings
@pytest.mark.parametrize("gain", [0.25, 0.5])
def test_a_recording_turned_down_has_the_same_vector(recordings: Path, gain: float) -> None:
    samples, rate_hz = load(recordings / "voice.flac")

    assert similarity(vector(samples, rate_hz), vector(samples * np.float32(gain), rate_hz)) > 0.98


@pytest.mark.recordings
@pytest.mark.parametrize("name", EVERYTHING)
def test_both_halves_of_a_recording_are_nearest_to_it(recordings: Path, vectors: dict[str, Floats], name: str) -> None:
    samples, rate_hz = load(recordings / name)

    for half in (samples[: len(samples) // 2], samples[len(samples) // 2 :]):
        assert nearest(vector(half, rate_hz), vectors) in ([name] if name not in VOICE else VOICE)


@pytest.mark.recordings
@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".opus"])
@pytest.mark.parametrize("name", ["music_fast.ogg", "music_slow.ogg", "voice.flac", "birds_10s.wav", "spinetail.wav"])
def test_another_codec_leaves_a_recording_nearest_to_itself(
    recordings: Path, vectors: dict[str, Floats], tmp_path: Path, name: str, suffix: str
) -> None:
    samples, rate_hz = load(recordings / name)
    path = encode(tmp_path / f"other{suffix}", samples[:, np.newaxis], rate_hz)

    found = vector(*decoded(path))

    assert similarity(found, vectors[name]) > 0.97
    assert nearest(found, vectors) in ([name] if name not in VOICE else VOICE)


@pytest.mark.recordings
def test_music_is_nearer_to_music_than_to_birds_and_nights(vectors: dict[str, Floats]) -> None:
    within = similarity(vectors["music_fast.ogg"], vectors["music_slow.ogg"])
    beyond = [similarity(vectors[one], vectors[other]) for one in MUSIC for other in (*FIELD, *NIGHT)]

    assert within > max(beyond) + 0.1


@pytest.mark.recordings
def test_a_lower_rate_leaves_a_recording_nearest_to_itself(recordings: Path, vectors: dict[str, Floats]) -> None:
    samples, rate_hz = load(recordings / "1min.wav")
    assert rate_hz == 32_000
    halved = samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(axis=1, dtype=np.float32)

    assert nearest(vector(halved, 16_000), vectors) == "1min.wav"


@pytest.mark.parametrize(
    ("samples", "rate_hz", "reason"),
    [
        (np.zeros(100_000, dtype=np.float32), 44_100, "silent"),
        (np.full(100_000, 0.5, dtype=np.float32), 44_100, "silent"),
        (noise(duration_s=0.14), 44_100, "too_short"),
        (noise(duration_s=5), 4000, "rate_too_low"),
        (sine(15_000, duration_s=3), 44_100, "empty_band"),
    ],
)
def test_what_has_no_sound_has_no_vector(samples: Floats, rate_hz: int, reason: str) -> None:
    assert payload("embedding", samples, rate_hz)["vector"] == {"values": None, "unit": "1", "reason": reason}


@pytest.mark.recordings
def test_silence_around_a_sound_makes_little_difference(recordings: Path, vectors: dict[str, Floats]) -> None:
    samples, rate_hz = load(recordings / "birds_10s.wav")
    silence = np.zeros(10 * rate_hz, dtype=np.float32)

    padded = vector(np.concatenate([silence, samples, silence]), rate_hz)

    assert similarity(padded, vectors["birds_10s.wav"]) > 0.9


def vector(samples: Floats, rate_hz: int, *, block_frames: int = 65_536) -> Floats:
    stated = payload("embedding", samples, rate_hz, block_frames=block_frames)
    return np.array(stated["vector"]["values"], dtype=np.float32)


def similarity(one: Floats, other: Floats) -> float:
    return float(one @ other)


def nearest(found: Floats, vectors: dict[str, Floats]) -> str:
    return max(vectors, key=lambda name: similarity(found, vectors[name]))
