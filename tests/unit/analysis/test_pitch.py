"""Pitch is librosa's YIN in voiced frames, and only frames that are periodic count as voiced."""

from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.extractors.pitch import Pitch, note_name
from services.analysis.yin import yin

from .signals import Floats, harmonic_tone, load, noise, payload, sine

RECORDINGS = ["voice.flac", "music_fast.ogg", "music_slow.ogg", "1min.wav", "night/S4A03895_20190522_190000.wav"]
SETTINGS = Pitch()


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_f0_of_voiced_frames_is_librosas_yin(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)
    frames, length = without_direct_current(samples, rate_hz)

    found = yin(frames, SETTINGS.search(rate_hz), voiced_below=SETTINGS.voiced_below)

    # Frames side by side, so that librosa sees each one without its direct current, as we do.
    expected = librosa_yin(frames.ravel(), rate_hz, frame_length=length, hop=length)
    voiced = found.in_range & (found.aperiodicity < SETTINGS.voiced_below)
    agree = np.abs(1200 * np.log2(found.f0_hz[voiced] / expected[voiced])) < 0.5
    assert voiced.any()
    assert agree.mean() > 0.998


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["voice.flac", "music_slow.ogg"])
def test_taking_out_direct_current_moves_the_pitch_of_clean_recordings_by_less_than_two_cents(
    recordings: Path, name: str
) -> None:
    samples, rate_hz = load(recordings / name)
    frames, length = without_direct_current(samples, rate_hz)

    found = yin(frames, SETTINGS.search(rate_hz), voiced_below=SETTINGS.voiced_below)

    expected = librosa_yin(samples, rate_hz, frame_length=length, hop=length // 4)[: len(frames)]
    voiced = found.in_range & (found.aperiodicity < SETTINGS.voiced_below)
    cents = np.abs(1200 * np.log2(found.f0_hz[voiced] / expected[voiced]))
    assert np.median(cents) < 2
    assert (cents < 50).mean() > 0.98


@pytest.mark.recordings
def test_a_voice_is_voiced_and_a_bird_above_the_range_is_not(recordings: Path) -> None:
    voice = payload("pitch", *load(recordings / "voice.flac"))
    bird = payload("pitch", *load(recordings / "spinetail.wav"))

    assert 100 < voice["f0"]["p50"] < 250
    assert voice["voiced_ratio"]["value"] > 0.6
    assert bird["f0"]["reason"] == "no_voiced_frames"
    assert bird["voiced_ratio"]["value"] == 0


@given(fundamental_hz=st.floats(80, 1800))
@settings(max_examples=25, deadline=None)
def test_a_harmonic_tone_has_its_fundamental_as_pitch(fundamental_hz: float) -> None:
    measured = payload("pitch", harmonic_tone(fundamental_hz, duration_s=0.5))

    assert measured["f0"]["p50"] == pytest.approx(fundamental_hz, rel=0.005)
    assert measured["voiced_ratio"]["value"] > 0.9


@pytest.mark.parametrize("frequency_hz", [2500, 3000, 4186, 5000, 8000, 12_000])
def test_a_tone_above_the_range_is_unvoiced_and_not_an_octave_lower(frequency_hz: float) -> None:
    measured = payload("pitch", sine(frequency_hz, duration_s=1))

    assert measured["f0"]["reason"] == "no_voiced_frames"


@pytest.mark.parametrize("rate_hz", [22_050, 32_000, 44_100])
def test_a_tone_just_above_the_range_is_unvoiced_and_not_at_its_edge(rate_hz: int) -> None:
    measured = payload("pitch", sine(2150, duration_s=1, rate_hz=rate_hz), rate_hz)

    assert measured["f0"]["reason"] == "no_voiced_frames"


def test_slow_rumble_is_unvoiced() -> None:
    rumble = sine(20, duration_s=2) + noise(duration_s=2, deviation=0.01)

    measured = payload("pitch", rumble)

    assert measured["f0"]["reason"] == "no_voiced_frames"


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 48_000, 96_000, 192_000])
def test_a_tone_has_the_same_pitch_at_every_rate(rate_hz: int) -> None:
    measured = payload("pitch", sine(440, duration_s=0.5, rate_hz=rate_hz), rate_hz)

    five_cents = 2 ** (5 / 1200) - 1
    assert measured["f0"]["p50"] == pytest.approx(440, rel=five_cents)
    assert measured["note"]["value"] == "A4"


def test_a_low_rate_ends_the_range_at_a_quarter_of_it() -> None:
    measured = payload("pitch", sine(200, duration_s=2, rate_hz=1000), 1000)

    assert measured["searched_to"]["value"] == 250
    assert measured["f0"]["p50"] == pytest.approx(200, rel=0.02)


@pytest.mark.parametrize(
    ("frequency_hz", "name"), [(440, "A4"), (261.6, "C4"), (65.5, "C2"), (987.8, "B5"), (554.4, "C#5")]
)
def test_notes_are_named_by_scientific_pitch(frequency_hz: float, name: str) -> None:
    assert note_name(frequency_hz) == name


def without_direct_current(samples: Floats, rate_hz: int) -> tuple[Floats, int]:
    length = SETTINGS.search(rate_hz).frame_length
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[:: length // 4]
    return frames - frames.mean(axis=1, keepdims=True), length


def librosa_yin(samples: Floats, rate_hz: int, *, frame_length: int, hop: int) -> Floats:
    f0_hz = librosa.yin(
        samples,
        fmin=SETTINGS.f_min_hz,
        fmax=SETTINGS.f_max_hz,
        sr=rate_hz,
        frame_length=frame_length,
        hop_length=hop,
        center=False,
    )
    return np.asarray(f0_hz)
