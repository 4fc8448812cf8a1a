"""The key of what has one is found, and nothing else has one."""

from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np
import pytest

from services.analysis.extractors.key import KeyFinder
from services.analysis.keys import Key, ranked_keys
from services.analysis.notes import NOTES

from .signals import RATE_HZ, Floats, harmonic_tone, heard, load, noise, payload, sine
from .test_tempo import as_music

A4_MIDI = 69
# I IV V I, the dominant of a minor key with its leading note.
CADENCES = {
    "major": ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)),
    "minor": ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7)),
}
CAMELOT = {
    "major": ("8B", "3B", "10B", "5B", "12B", "7B", "2B", "9B", "4B", "11B", "6B", "1B"),
    "minor": ("5A", "12A", "7A", "2A", "9A", "4A", "11A", "6A", "1A", "8A", "3A", "10A"),
}
KEYS = [(tonic, mode) for mode in CADENCES for tonic in range(12)]


@pytest.mark.parametrize("tuning", [0.0, 0.35])
@pytest.mark.parametrize(("tonic", "mode"), KEYS)
def test_the_key_of_a_cadence_is_found_in_tune_and_out_of_tune(tonic: int, mode: str, tuning: float) -> None:
    samples = chords([[tonic + note for note in chord] for chord in CADENCES[mode]], tuning=tuning)

    measured = payload("key", samples)

    assert (measured["key"]["value"], measured["mode"]["value"]) == (NOTES[tonic], mode)
    assert measured["camelot"]["value"] == CAMELOT[mode][tonic]
    assert measured["strength"]["value"] > 0.8
    others = [other["strength"]["value"] for other in measured["alternatives"]]
    assert len(others) == 2
    assert measured["strength"]["value"] > others[0] >= others[1]


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["music_fast.ogg", "music_slow.ogg", "voice.flac"])
def test_the_key_of_a_recording_is_that_of_librosas_chroma(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)
    music, music_rate_hz = as_music(samples, rate_hz)

    measured = heard(KeyFinder(strength_min=0, alternatives=23), samples, rate_hz)

    inner = librosa.feature.chroma_stft(y=music, sr=music_rate_hz)[:, 2 : 1 + (len(music) - 1024) // 512]
    loud = librosa.feature.rms(y=music)[0][2 : 1 + (len(music) - 1024) // 512] > 10**-3.5
    expected = ranked_keys(inner[:, loud].mean(axis=1, dtype=np.float64))
    found = [measured, *measured["alternatives"]]
    assert [(key["key"]["value"], key["mode"]["value"]) for key in found] == [(key.note, key.mode) for key in expected]
    assert [key["strength"]["value"] for key in found] == pytest.approx([key.strength for key in expected], abs=1e-4)


@pytest.mark.parametrize(
    "samples",
    [
        noise(duration_s=10),
        sine(440, duration_s=5),
        harmonic_tone(220, duration_s=5),
        np.cumsum(noise(duration_s=10, deviation=0.001), dtype=np.float32),
        librosa.chirp(fmin=100, fmax=8000, sr=RATE_HZ, duration=10).astype(np.float32) / 2,
    ],
    ids=["white noise", "a sine", "a tone", "brown noise", "a sweep"],
)
def test_what_is_in_no_key_has_a_strength_and_a_reason(samples: Floats) -> None:
    measured = payload("key", samples)

    assert measured["key"] == {"value": None, "unit": "note", "reason": "no_key"}
    assert measured["mode"]["reason"] == measured["camelot"]["reason"] == "no_key"
    assert 0 < measured["strength"]["value"] < 0.76
    assert measured["alternatives"] == []


@pytest.mark.recordings
def test_soundscapes_are_in_no_key(recordings: Path) -> None:
    strengths = []
    for path in [*sorted((recordings / "night").glob("*.wav")), recordings / "birds_10s.wav", recordings / "1min.wav"]:
        samples, rate_hz = load(path)
        strengths.append(payload("key", samples, rate_hz)["strength"]["value"])

    assert max(strengths) < 0.76


def test_of_random_chroma_95_percent_stay_below_the_least_strength_of_a_key() -> None:
    random = np.random.default_rng(0).normal(size=(4000, 12))

    strengths = [ranked_keys(chroma)[0].strength for chroma in random]

    assert np.quantile(strengths, 0.95) == pytest.approx(KeyFinder().strength_min, abs=0.01)


def test_a_second_of_music_is_too_short_and_flat_chroma_has_no_key() -> None:
    assert payload("key", chords([[0, 4, 7]], duration_s=1))["key"]["reason"] == "too_short"
    assert payload("key", np.zeros(5 * RATE_HZ, dtype=np.float32))["strength"]["reason"] == "silent"
    assert ranked_keys(np.ones(12)) == []


def test_all_24_keys_are_ranked_and_a_profile_fits_itself_exactly() -> None:
    profile = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])

    keys = ranked_keys(np.roll(profile, 9))

    assert len({(key.tonic, key.mode) for key in keys}) == 24
    assert (keys[0].note, keys[0].mode, keys[0].camelot) == ("A", "minor", "8A")
    assert keys[0].strength == pytest.approx(1)
    assert [key.strength for key in keys] == sorted((key.strength for key in keys), reverse=True)


def test_relative_keys_share_their_number_on_the_camelot_wheel() -> None:
    for tonic in range(12):
        major, minor = Key(tonic, "major", 1), Key((tonic + 9) % 12, "minor", 1)
        assert (major.camelot[:-1], major.camelot[-1], minor.camelot[-1]) == (minor.camelot[:-1], "B", "A")


def chords(notes: Sequence[Sequence[int]], *, tuning: float = 0.0, duration_s: float = 1.0) -> Floats:
    """Return chords of tones with harmonics, the notes in semitones above middle C."""
    return np.concatenate([chord([60 + note + tuning for note in each], duration_s) for each in notes])


def chord(midi: Sequence[float], duration_s: float) -> Floats:
    tones = [harmonic_tone(440 * 2 ** ((note - A4_MIDI) / 12), duration_s=duration_s) for note in midi]
    return np.asarray(0.5 * np.sum(tones, axis=0, dtype=np.float32))
