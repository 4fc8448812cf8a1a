import io
from pathlib import Path

import numpy as np
import pytest

from audio.decode import AudioLimits
from audio.errors import (
    EmptyRecordingError,
    InvalidSamplesError,
    NotDecodableError,
    TooLongError,
    UnsupportedError,
)
from audio.format import AudioFormat, Container
from audio.probe import probe
from tests.audio import encode, tone, write

LIMITS = AudioLimits()


def test_a_wav_tells_everything(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=2, channels=2), subtype="PCM_24")

    assert probe(recording, LIMITS) == AudioFormat(Container.WAV, "pcm_s24", 44_100, 2, 24, 88_200)


@pytest.mark.parametrize(
    ("suffix", "container", "codec"),
    [
        ("mp3", Container.MP3, "mp3"),
        ("m4a", Container.MP4, "aac"),
        ("opus", Container.OGG, "opus"),
        ("webm", Container.MATROSKA, "opus"),
        ("flac", Container.FLAC, "flac"),
    ],
)
def test_compressed_recordings_tell_codec_and_length(
    tmp_path: Path, suffix: str, container: Container, codec: str
) -> None:
    found = probe(encode(tmp_path / f"tone.{suffix}", tone(duration_s=2, rate_hz=48_000), 48_000), LIMITS)

    assert (found.container, found.codec, found.rate_hz) == (container, codec, 48_000)
    assert found.claimed_duration_s == pytest.approx(2, abs=0.05)


def test_a_long_recording_is_probed_from_a_few_of_its_bytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2_646_000, 1)).astype(np.float32)
    for recording in (
        write(tmp_path / "noise.wav", noise),
        write(tmp_path / "noise.flac", noise),
        encode(tmp_path / "noise.mp3", noise),
    ):
        source = _Counting(recording.read_bytes())

        probe(source, LIMITS)

        assert source.bytes_read < recording.stat().st_size / 2


def test_a_name_proves_nothing(tmp_path: Path) -> None:
    text = tmp_path / "birds.wav"
    text.write_text("no birds here\n" * 100)

    with pytest.raises(UnsupportedError, match="text"):
        probe(text, LIMITS)


def test_an_empty_recording_is_empty(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.wav"
    nothing.touch()

    with pytest.raises(EmptyRecordingError):
        probe(nothing, LIMITS)


def test_a_claim_beyond_the_limit_is_too_long(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=3))

    with pytest.raises(TooLongError, match="at least 3 s"):
        probe(recording, AudioLimits(max_duration_s=2))


def test_many_channels_at_a_high_rate_reach_the_limit_of_samples_sooner(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=3, channels=2))

    assert probe(recording, AudioLimits(max_samples=6 * 44_100)).channels == 2
    with pytest.raises(TooLongError, match="limit is 2 s"):
        probe(recording, AudioLimits(max_samples=4 * 44_100))


@pytest.mark.parametrize(
    ("start", "piece"),
    [(b"RIFF\xff\xff\xff\xffWAVE", b"junk\0\0\0\0"), (b"\0\0\0\x10ftypM4A \0\0\0\0", b"\0\0\0\x08free")],
    ids=["libsndfile", "libav"],
)
def test_a_header_of_countless_empty_parts_is_given_up(start: bytes, piece: bytes) -> None:
    source = _Counting(start + piece * 3_000_000)

    with pytest.raises(NotDecodableError, match=r"within 0\.1 s of computing"):
        probe(source, AudioLimits(probe_cpu_s=0.1))

    assert source.bytes_read < len(source.getvalue()) / 2


def test_invalid_samples_at_the_start_are_found(tmp_path: Path) -> None:
    samples = tone(duration_s=1)
    samples[10] = np.nan

    with pytest.raises(InvalidSamplesError):
        probe(write(tmp_path / "nan.wav", samples, subtype="FLOAT"), LIMITS)


@pytest.mark.recordings
def test_the_edge_cases_among_the_real_recordings(recordings: Path) -> None:
    assert probe(recordings / "stereo.wav", LIMITS).claimed_frames == 5
    assert probe(recordings / "veryshort.wav", LIMITS).claimed_frames == 6266
    with pytest.raises(EmptyRecordingError):
        probe(recordings / "empty_2c.wav", LIMITS)


class _Counting(io.BytesIO):
    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.bytes_read = 0

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self.bytes_read += len(content)
        return content
