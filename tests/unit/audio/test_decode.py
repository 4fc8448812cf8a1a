from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.decode import AudioLimits, Container, mono, open_audio
from audio.errors import (
    EmptyRecordingError,
    InvalidSamplesError,
    NotDecodableError,
    TooLongError,
    TooManyChannelsError,
    UnsupportedRateError,
)
from tests.audio import encode, tone, write

from .decoding import decoded, exhaust

LIMITS = AudioLimits()


def test_sixteen_bit_samples_are_not_converted(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=0.1))

    with open_audio(recording, Container.WAV, LIMITS) as stream:
        block = next(stream.blocks())

    assert block.dtype == np.int16
    assert stream.scale == 1 / 32768


def test_blocks_have_the_asked_length(tmp_path: Path) -> None:
    recording = encode(tmp_path / "tone.m4a", tone(duration_s=1))

    with open_audio(recording, Container.MP4, LIMITS) as stream:
        lengths = [len(block) for block in stream.blocks(10_000)]

    assert set(lengths[:-1]) == {10_000}
    assert sum(lengths) == stream.decoded_frames


def test_the_limit_counts_decoded_frames(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=3))

    with (
        pytest.raises(TooLongError, match="limit is 2 s"),
        open_audio(recording, Container.WAV, AudioLimits(max_duration_s=2)) as stream,
    ):
        exhaust(stream)


def test_the_limit_counts_the_samples_of_all_channels(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=3, channels=2))

    with (
        pytest.raises(TooLongError, match="limit is 2 s"),
        open_audio(recording, Container.WAV, AudioLimits(max_samples=4 * 44_100)) as stream,
    ):
        exhaust(stream)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    samples = tone(duration_s=2)
    samples[80_000] = bad
    recording = write(tmp_path / "bad.wav", samples, subtype="FLOAT")

    with pytest.raises(InvalidSamplesError) as refused, open_audio(recording, Container.WAV, LIMITS) as stream:
        exhaust(stream)

    assert refused.value.at_s == pytest.approx(65_536 / 44_100)


def test_channels_and_rates_outside_the_limits_are_refused(tmp_path: Path) -> None:
    wide = write(tmp_path / "wide.wav", tone(duration_s=0.1, channels=33))
    slow = write(tmp_path / "slow.wav", tone(10, duration_s=0.1, rate_hz=500), 500)

    with pytest.raises(TooManyChannelsError, match="33 channels"):
        open_audio(wide, Container.WAV, LIMITS)
    with pytest.raises(UnsupportedRateError, match="500 Hz"):
        open_audio(slow, Container.WAV, LIMITS)


def test_no_samples_are_empty(tmp_path: Path) -> None:
    recording = write(tmp_path / "empty.wav", tone(duration_s=0))

    with pytest.raises(EmptyRecordingError):
        open_audio(recording, Container.WAV, LIMITS)


@pytest.mark.parametrize("container", list(Container))
def test_a_broken_container_is_not_decodable(tmp_path: Path, container: Container) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(np.random.default_rng(7).bytes(5000))

    with pytest.raises((NotDecodableError, EmptyRecordingError)):
        open_audio(garbage, container, LIMITS)


def test_a_session_description_opens_no_network_whatever_it_is_called(tmp_path: Path) -> None:
    session = tmp_path / "session"
    session.write_bytes(b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n")

    with pytest.raises(NotDecodableError):
        open_audio(session, Container.MP4, LIMITS)


def test_mono_leaves_int16_mono_alone_and_averages_the_rest() -> None:
    single = np.array([[1], [-2]], dtype=np.int16)
    double = np.array([[32767, 32767], [1, 2]], dtype=np.int16)

    assert np.shares_memory(mono(single), single)
    np.testing.assert_array_equal(mono(double), np.array([32767, 1.5], dtype=np.float32))


@pytest.mark.recordings
def test_real_recordings_decode_as_libsndfile_reads_them(recordings: Path) -> None:
    for name in ("spinetail.wav", "voice.flac", "music_fast.ogg", "stereo.wav", "silence_10s.mp3"):
        expected, _ = soundfile.read(recordings / name, dtype="float32", always_2d=True)

        np.testing.assert_array_equal(decoded(recordings / name), expected)
