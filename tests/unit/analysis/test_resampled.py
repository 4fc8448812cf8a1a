"""Music is heard at 22,050 Hz, as `librosa.load` returns it."""

from collections.abc import Collection
from pathlib import Path

import librosa
import numpy as np
import pytest

from services.analysis.shared import FRAME_LENGTH, HOP, FramedBlock, Input, InputNotComputedError

from .signals import Floats, load, noise, shared_blocks, sine

# Every shared recording above 22,050 Hz: mono and stereo, WAV, FLAC, OGG and MP3, five samples to a minute.
RECORDINGS = [
    "1min.wav",
    "audiomoth_gps.wav",
    "birds_10s.wav",
    "metadata.wav",
    "music_fast.ogg",
    "music_slow.ogg",
    "rugr_drum.wav",
    "short_no_metadata.wav",
    "silence_10s.mp3",
    "spinetail.wav",
    "stereo.wav",
    "voice.flac",
    "voice.ogg",
]


# What librosa.load would fall back on imports modules that Python 3.13 no longer has.
@pytest.mark.filterwarnings("ignore:'(aifc|audioop|sunau)' is deprecated:DeprecationWarning")
@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_music_is_what_librosa_loads_to_the_last_bit(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)

    heard = np.concatenate([block.samples for block in music(samples, rate_hz, block_frames=10_007)])

    expected, _ = librosa.load(recordings / name)
    np.testing.assert_array_equal(heard, expected)


@pytest.mark.parametrize("length", [1, 100, 5000, 200_003])
def test_the_spectrum_of_music_is_librosas_stft_of_it(length: int) -> None:
    samples = noise(duration_s=5)[:length]

    blocks = music(samples, 44_100, needs=[Input.MUSIC_SPECTRUM])

    resampled = librosa.resample(samples, orig_sr=44_100, target_sr=22_050)
    expected = np.abs(librosa.stft(np.pad(resampled, 1024), n_fft=FRAME_LENGTH, hop_length=HOP, center=False)).T
    magnitude = np.concatenate([block.magnitude for block in blocks])
    np.testing.assert_allclose(magnitude, expected, rtol=0, atol=2e-6 * expected.max())


def test_music_comes_in_blocks_of_many_frames_also_at_high_rates() -> None:
    sizes = [len(block.frames) for block in music(noise(duration_s=20, rate_hz=192_000), 192_000)]

    assert all(size == 0 or size >= 60 for size in sizes[:-1])
    assert sum(sizes) == 1 + 20 * 22_050 // HOP


def test_frames_of_music_over_the_ends_of_the_recording_are_not_inner() -> None:
    inner = np.concatenate([block.inner for block in music(sine(440, duration_s=3), 44_100)])

    starts = np.arange(len(inner)) * HOP - FRAME_LENGTH // 2
    np.testing.assert_array_equal(inner, (starts >= 0) & (starts + FRAME_LENGTH <= 3 * 22_050))


@pytest.mark.parametrize("rate_hz", [1000, 8000, 22_000, 22_050])
def test_a_recording_at_a_lower_rate_is_heard_as_it_is(rate_hz: int) -> None:
    samples = noise(duration_s=2, rate_hz=rate_hz)

    heard = np.concatenate([block.samples for block in music(samples, rate_hz)])

    np.testing.assert_array_equal(heard, samples)


def test_music_that_nobody_asked_for_is_not_there() -> None:
    block = next(shared_blocks(noise(duration_s=1), needs=[Input.SAMPLES]))

    with pytest.raises(InputNotComputedError):
        _ = block.music


def music(
    samples: Floats, rate_hz: int, *, needs: Collection[Input] = (Input.MUSIC,), block_frames: int = 65_536
) -> list[FramedBlock]:
    return [block.music for block in shared_blocks(samples, rate_hz, needs=needs, block_frames=block_frames)]
