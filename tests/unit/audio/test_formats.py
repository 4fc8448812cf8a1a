from pathlib import Path

import numpy as np
import pytest

from audio.decode import AudioLimits
from audio.errors import NoAudioTrackError
from audio.format import Container
from audio.probe import probe
from tests.audio import tone
from tests.formats import KINDS, RATE_HZ
from tests.muxing import Signal, mux

from .decoding import decoded, exhaust, opened

LIMITS = AudioLimits()
# An encoder's delay and padding, where the container cannot say that they are no sound.
_MOST_PADDING_FRAMES = 2304
_LOSSLESS = [
    name for name, kind in KINDS.items() if kind.codec in {"flac", "alac"} or kind.codec.startswith(("pcm_s", "pcm_f"))
]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_recording_is_told_by_its_content(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]

    found = probe(kind.write(tmp_path / "nameless", _tone(), RATE_HZ), LIMITS)

    assert (found.container, found.codec, found.bit_depth) == (kind.container, kind.codec, kind.bit_depth)
    assert (found.rate_hz, found.channels) == (RATE_HZ, 2)
    if kind.container is not Container.ADTS:
        assert found.claimed_duration_s == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_recording_keeps_length_level_and_pitch(tmp_path: Path, name: str) -> None:
    recording = KINDS[name].write(tmp_path / "nameless", _tone(), RATE_HZ)

    samples = decoded(recording)

    assert abs(len(samples) - 2 * RATE_HZ) <= _MOST_PADDING_FRAMES
    for channel in range(2):
        middle = samples[12_000:84_000, channel]
        assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.07)
        assert np.abs(np.fft.rfft(middle)).argmax() == pytest.approx(1500, abs=1)


@pytest.mark.parametrize("name", _LOSSLESS)
def test_what_loses_nothing_gives_the_samples_that_were_written(tmp_path: Path, name: str) -> None:
    samples = _tone()[:5000] * np.float32([1, -0.3])

    np.testing.assert_allclose(decoded(KINDS[name].write(tmp_path / "n", samples, RATE_HZ)), samples, atol=2**-15)


@pytest.mark.parametrize("name", KINDS)
def test_no_whole_recording_is_called_truncated(tmp_path: Path, name: str) -> None:
    recording = KINDS[name].write(tmp_path / "nameless", _tone(), RATE_HZ)

    with opened(recording) as stream:
        exhaust(stream)

    assert stream.truncation is None


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
def test_a_video_without_sound_has_no_audio_track(tmp_path: Path, suffix: str) -> None:
    video = "libvpx" if suffix == "webm" else "mpeg4"
    film = mux(tmp_path / f"film.{suffix}", [], RATE_HZ, codec="", video=video)

    with pytest.raises(NoAudioTrackError):
        probe(film, LIMITS)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_of_several_tracks_the_default_one_is_heard(tmp_path: Path, suffix: str) -> None:
    tracks = [tone(frequency_hz, rate_hz=RATE_HZ) for frequency_hz in (500, 1000, 2000)]

    heard = {
        chosen: _pitch_hz(
            mux(tmp_path / f"{chosen}.{suffix}", tracks, RATE_HZ, codec="aac", video="mpeg4", default_track=chosen)
        )
        for chosen in (0, 1, 2)
    }

    assert heard == {0: 500, 1: 1000, 2: 2000}


def test_without_a_default_the_first_track_is_heard_not_the_richest(tmp_path: Path) -> None:
    tracks = [tone(500, rate_hz=RATE_HZ), tone(1000, rate_hz=RATE_HZ, channels=2)]
    film = mux(tmp_path / "film.mkv", tracks, RATE_HZ, codec="aac", video="mpeg4", default_track=-1)

    assert _pitch_hz(film) == 500


def test_the_last_packets_filling_is_no_sound_where_mp4_says_so(tmp_path: Path) -> None:
    for frames in (RATE_HZ, RATE_HZ + 1, 1024 * 40, 1024 * 40 - 1, 700):
        recording = mux(tmp_path / "tone.m4a", [_tone()[:frames]], RATE_HZ, codec="aac", container="ipod")

        # FFmpeg's edit lists count milliseconds.
        assert abs(len(decoded(recording)) - frames) <= RATE_HZ / 1000


def _tone() -> Signal:
    return tone(1000, duration_s=2, rate_hz=RATE_HZ, channels=2)


def _pitch_hz(recording: Path) -> int:
    samples = decoded(recording)[RATE_HZ // 4 : RATE_HZ // 4 * 3, 0]
    return int(np.abs(np.fft.rfft(samples)).argmax()) * 2
