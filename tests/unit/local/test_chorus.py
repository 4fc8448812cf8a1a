from pathlib import Path

import numpy as np
import pytest
import soundfile

from deploy.local.birds import Note, Samples
from deploy.local.chorus import PEAK, chorus, sung, synthesize_chorus

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def dawn() -> Samples:
    return chorus(duration_s=12, rate_hz=RATE_HZ, seed=5)


def test_the_same_seed_sings_the_same_chorus() -> None:
    first, again, other = (chorus(duration_s=2, rate_hz=RATE_HZ, seed=seed) for seed in (5, 5, 6))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_chorus_is_as_long_as_asked_for_and_does_not_clip(dawn: Samples) -> None:
    assert len(dawn) == 12 * RATE_HZ
    assert 0.3 < np.abs(dawn).max() <= PEAK + 1e-6


@pytest.mark.parametrize(
    ("who", "low_hz", "high_hz"),
    [("blackbird", 1500, 3200), ("great tit", 3200, 4600), ("wren", 4500, 7000), ("insects", 9100, 9700)],
)
def test_each_voice_stands_out_of_the_noise_around_its_band(
    who: str, low_hz: float, high_hz: float, dawn: Samples
) -> None:
    quiet_hz = (14_000, 18_000)

    contrast_db = _loudest_db(dawn, low_hz, high_hz) - _loudest_db(dawn, *quiet_hz)

    assert contrast_db > 10, who


def test_birds_pause_between_their_songs(dawn: Samples) -> None:
    levels_db = _levels_db(dawn, 1500, 9000)

    assert np.percentile(levels_db, 95) - np.percentile(levels_db, 5) > 20


def test_a_note_glides_from_its_first_pitch_to_its_last() -> None:
    tone = sung(Note(1.0, (2000.0, 4000.0), overtones=()), RATE_HZ)

    assert _pitch_hz(tone[:4096]) == pytest.approx(2000, rel=0.02)
    assert _pitch_hz(tone[-4096:]) == pytest.approx(4000, rel=0.02)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_the_recording_on_disk_has_sixteen_bits(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"dawn.{suffix}"

    synthesize_chorus(path, duration_s=1.0)

    assert (soundfile.info(path).subtype, soundfile.info(path).frames) == ("PCM_16", RATE_HZ)


def _spectrogram(samples: Samples) -> Samples:
    frames = samples[: len(samples) // 2048 * 2048].reshape(-1, 2048) * np.hanning(2048).astype(np.float32)
    return np.asarray(np.abs(np.fft.rfft(frames)) ** 2, dtype=np.float32)


def _levels_db(samples: Samples, low_hz: float, high_hz: float) -> Samples:
    frequencies_hz = np.fft.rfftfreq(2048, 1 / RATE_HZ)
    band = (frequencies_hz >= low_hz) & (frequencies_hz < high_hz)
    return np.asarray(10 * np.log10(_spectrogram(samples)[:, band].mean(axis=1)), dtype=np.float32)


def _loudest_db(samples: Samples, low_hz: float, high_hz: float) -> float:
    return float(np.percentile(_levels_db(samples, low_hz, high_hz), 90))


def _pitch_hz(samples: Samples) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * RATE_HZ / len(samples))
