import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.decode import AudioLimits
from audio.format import Container
from contracts.drawing import Clip
from services.spectrogram.clip import cut_clip
from services.spectrogram.region_errors import ClipTooLongError, EmptyRegionError, OutsideRecordingError
from tests.audio import encode, tone, write

LIMITS = AudioLimits()
RATE_HZ = 44_100


@pytest.mark.parametrize(("subtype", "clip_subtype"), [("PCM_16", "PCM_16"), ("PCM_24", "PCM_24"), ("FLOAT", "FLOAT")])
def test_a_clip_is_its_part_of_the_recording_sample_for_sample(tmp_path: Path, subtype: str, clip_subtype: str) -> None:
    noise = np.random.default_rng(1).uniform(-0.9, 0.9, (3 * RATE_HZ, 2)).astype(np.float32)
    path = write(tmp_path / "noise.wav", noise, subtype=subtype)
    whole, _ = soundfile.read(path, always_2d=True, dtype="float64")

    clip = cut_clip(path, Container.WAV, LIMITS, Clip(0.5, 2.25), 60)

    samples, rate_hz = soundfile.read(io.BytesIO(clip), always_2d=True, dtype="float64")
    assert (rate_hz, soundfile.info(io.BytesIO(clip)).subtype) == (RATE_HZ, clip_subtype)
    np.testing.assert_array_equal(samples, whole[round(0.5 * RATE_HZ) : round(2.25 * RATE_HZ)])


@pytest.mark.parametrize(
    ("suffix", "container"), [("flac", Container.FLAC), ("mp3", Container.MP3), ("m4a", Container.MP4)]
)
def test_a_clip_of_any_codec_is_as_long_as_asked(tmp_path: Path, suffix: str, container: Container) -> None:
    path = encode(tmp_path / f"tone.{suffix}", tone(duration_s=5))

    clip = soundfile.info(io.BytesIO(cut_clip(path, container, LIMITS, Clip(1, 3), 60)))

    assert clip.frames == 2 * RATE_HZ


def test_a_clip_ends_where_the_recording_does(tmp_path: Path) -> None:
    path = write(tmp_path / "tone.wav", tone(duration_s=2))

    clip = cut_clip(path, Container.WAV, LIMITS, Clip(1.5, 30), 60)

    assert soundfile.info(io.BytesIO(clip)).frames == RATE_HZ // 2


@pytest.mark.parametrize(
    ("clip", "error"),
    [
        (Clip(1, 1), EmptyRegionError),
        (Clip(2, 1), EmptyRegionError),
        (Clip(-1, 1), EmptyRegionError),
        (Clip(float("nan"), 1), EmptyRegionError),
        (Clip(0, 61), ClipTooLongError),
        (Clip(2, 3), OutsideRecordingError),
        (Clip(1e9, 1e9 + 1), OutsideRecordingError),
    ],
)
def test_a_clip_that_cannot_be_is_refused(tmp_path: Path, clip: Clip, error: type[Exception]) -> None:
    path = write(tmp_path / "tone.wav", tone(duration_s=2))

    with pytest.raises(error):
        cut_clip(path, Container.WAV, LIMITS, clip, 60)


def test_many_channels_make_a_clip_shorter(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.wav", np.zeros((RATE_HZ, 32), np.float32))

    with pytest.raises(ClipTooLongError):
        cut_clip(path, Container.WAV, LIMITS, Clip(0, 30), 60)
