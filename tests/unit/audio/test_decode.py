import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.decode import AudioLimits, AudioStream, Block, Container, mono, open_audio
from audio.errors import (
    EmptyRecordingError,
    InvalidSamplesError,
    NoAudioTrackError,
    NotDecodableError,
    TooLongError,
    TooManyChannelsError,
    UnsupportedRateError,
)
from audio.sniff import sniff_source
from tests.audio import encode, tone, write

LIMITS = AudioLimits()
_TOLERANCES = {"mp3": 0, "m4a": 2304, "aac": 4608, "mka": 2304, "opus": 0, "webm": 2304}


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_wav_of_every_depth_decodes_to_what_was_written(tmp_path: Path, subtype: str) -> None:
    samples = tone(duration_s=0.5, channels=2)

    decoded = _decoded(write(tmp_path / "tone.wav", samples, subtype=subtype))

    assert decoded.shape == samples.shape
    np.testing.assert_allclose(decoded, samples, atol=0.02 if subtype in {"PCM_U8", "ULAW"} else 2**-15)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "aiff", "w64", "rf64"])
def test_what_libsndfile_writes_decodes_whole(tmp_path: Path, suffix: str) -> None:
    samples = tone(duration_s=0.5, channels=2)

    decoded = _decoded(write(tmp_path / f"tone.{suffix}", samples))

    assert decoded.shape == samples.shape
    np.testing.assert_allclose(decoded, samples, atol=0.03)


@pytest.mark.parametrize("suffix", sorted(_TOLERANCES))
def test_compressed_tones_keep_length_level_and_pitch(tmp_path: Path, suffix: str) -> None:
    decoded = _decoded(encode(tmp_path / f"tone.{suffix}", tone(1000, duration_s=1, rate_hz=48_000), 48_000))

    assert abs(len(decoded) - 48_000) <= _TOLERANCES[suffix]
    middle = decoded[12_000:36_000, 0]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.07)
    assert np.abs(np.fft.rfft(middle)).argmax() == pytest.approx(500, abs=1)


def test_sixteen_bit_samples_are_not_converted(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=0.1))

    with open_audio(recording, Container.WAV, LIMITS) as stream:
        block = next(stream.blocks())

    assert block.dtype == np.int16
    assert stream.scale == 1 / 32768


def test_a_file_object_decodes_as_its_path_does(tmp_path: Path) -> None:
    for recording in (
        write(tmp_path / "tone.flac", tone(duration_s=2)),
        encode(tmp_path / "tone.m4a", tone(duration_s=2)),
    ):
        container = _container(recording)
        with open_audio(io.BytesIO(recording.read_bytes()), container, LIMITS) as stream:
            from_object = np.concatenate(list(stream.blocks()))

        np.testing.assert_array_equal(from_object * np.float32(stream.scale), _decoded(recording))


def test_short_reads_of_a_remote_source_are_no_end(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=1))

    with open_audio(_Dribble(recording.read_bytes()), Container.WAV, LIMITS) as stream:  # type: ignore[arg-type] # raw
        lengths = [len(block) for block in stream.blocks(30_000)]

    assert lengths == [30_000, 14_100]
    assert not stream.truncated


@pytest.mark.parametrize("suffix", ["wav", "flac", "m4a"])
def test_a_fault_of_the_source_is_raised_and_no_truncation(tmp_path: Path, suffix: str) -> None:
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (1_323_000, 1)).astype(np.float32)
    make = write if suffix != "m4a" else encode
    content = make(tmp_path / f"noise.{suffix}", samples).read_bytes()

    source = _Failing(content, healthy_reads=60)
    with open_audio(source, _container_of(content), LIMITS) as stream:
        source.healthy_reads = 0
        with pytest.raises(ConnectionResetError):
            _exhaust(stream)


def test_blocks_have_the_asked_length(tmp_path: Path) -> None:
    recording = encode(tmp_path / "tone.m4a", tone(duration_s=1))

    with open_audio(recording, Container.MP4, LIMITS) as stream:
        lengths = [len(block) for block in stream.blocks(10_000)]

    assert set(lengths[:-1]) == {10_000}
    assert sum(lengths) == stream.decoded_frames


def test_a_truncated_flac_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (100_000, 1)).astype(np.float32)
    whole = write(tmp_path / "noise.flac", samples)
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    with open_audio(cut, Container.FLAC, LIMITS) as stream:
        decoded = np.concatenate(list(stream.blocks()))

    assert stream.truncated
    assert 40_000 < len(decoded) < 50_000
    np.testing.assert_allclose(decoded * stream.scale, samples[: len(decoded)], atol=2**-15)


def test_a_wav_that_claims_more_than_it_holds_is_truncated(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=1))
    recording.write_bytes(recording.read_bytes()[:-20_000])

    with open_audio(recording, Container.WAV, LIMITS) as stream:
        frames = sum(len(block) for block in stream.blocks())

    assert (stream.format.claimed_frames, stream.expected_frames, frames) == (44_100, 34_100, 34_100)
    assert stream.truncation == "34100 of 44100 frames are there"


def test_a_claim_behind_a_chunk_of_odd_length_is_found(tmp_path: Path) -> None:
    content = write(tmp_path / "tone.wav", tone(duration_s=1)).read_bytes()
    comment = b"LIST\x05\0\0\0odd..\0"
    at = content.index(b"data")
    recording = tmp_path / "comment.wav"
    recording.write_bytes((content[:at] + comment + content[at:])[:-20_000])

    with open_audio(recording, Container.WAV, LIMITS) as stream:
        assert stream.format.claimed_frames == 44_100


@pytest.mark.parametrize("placeholder", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_written_to_a_pipe_decodes_whole(tmp_path: Path, placeholder: int) -> None:
    content = bytearray(write(tmp_path / "tone.wav", tone(duration_s=1)).read_bytes())
    struct.pack_into("<I", content, content.index(b"data") + 4, placeholder)
    recording = tmp_path / "pipe.wav"
    recording.write_bytes(content)

    with open_audio(recording, Container.WAV, LIMITS) as stream:
        frames = sum(len(block) for block in stream.blocks())

    assert frames == 44_100
    assert not stream.truncated


def test_a_flac_without_a_length_decodes_whole(tmp_path: Path) -> None:
    content = bytearray(write(tmp_path / "tone.flac", tone(duration_s=1)).read_bytes())
    _claim_flac_frames(content, 0)
    recording = tmp_path / "pipe.flac"
    recording.write_bytes(content)

    with open_audio(recording, Container.FLAC, LIMITS) as stream:
        frames = sum(len(block) for block in stream.blocks())

    assert (stream.format.claimed_frames, frames) == (None, 44_100)


def test_a_header_that_claims_terabytes_allocates_nothing(tmp_path: Path) -> None:
    content = bytearray(write(tmp_path / "tone.flac", tone(duration_s=0.1)).read_bytes())
    _claim_flac_frames(content, 2**36 - 1)
    recording = tmp_path / "huge.flac"
    recording.write_bytes(content)

    with open_audio(recording, Container.FLAC, LIMITS) as stream:
        frames = sum(len(block) for block in stream.blocks())

    assert frames == 4410
    assert stream.truncated


def test_a_truncated_mp3_is_seen_by_its_own_count(tmp_path: Path) -> None:
    whole = encode(tmp_path / "tone.mp3", tone(duration_s=4))
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    with open_audio(cut, Container.MP3, LIMITS) as stream:
        frames = sum(len(block) for block in stream.blocks())

    assert stream.format.claimed_frames == 4 * 44_100
    assert frames < 3 * 44_100
    assert stream.truncated


def test_the_limit_counts_decoded_frames(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=3))

    with (
        pytest.raises(TooLongError, match="limit is 2 s"),
        open_audio(recording, Container.WAV, AudioLimits(max_duration_s=2)) as stream,
    ):
        _exhaust(stream)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    samples = tone(duration_s=2)
    samples[80_000] = bad
    recording = write(tmp_path / "bad.wav", samples, subtype="FLOAT")

    with pytest.raises(InvalidSamplesError) as refused, open_audio(recording, Container.WAV, LIMITS) as stream:
        _exhaust(stream)

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


def test_a_video_without_sound_has_no_audio_track(tmp_path: Path) -> None:
    with pytest.raises(NoAudioTrackError):
        open_audio(_silent_film(tmp_path / "film.mp4"), Container.MP4, LIMITS)


def test_mono_leaves_int16_mono_alone_and_averages_the_rest() -> None:
    single = np.array([[1], [-2]], dtype=np.int16)
    double = np.array([[32767, 32767], [1, 2]], dtype=np.int16)

    assert np.shares_memory(mono(single), single)
    np.testing.assert_array_equal(mono(double), np.array([32767, 1.5], dtype=np.float32))


@pytest.mark.recordings
def test_real_recordings_decode_as_libsndfile_reads_them(recordings: Path) -> None:
    for name in ("spinetail.wav", "voice.flac", "music_fast.ogg", "stereo.wav", "silence_10s.mp3"):
        expected, _ = soundfile.read(recordings / name, dtype="float32", always_2d=True)

        np.testing.assert_array_equal(_decoded(recordings / name), expected)


def _exhaust(stream: AudioStream) -> None:
    for _ in stream.blocks():
        pass


def _decoded(recording: Path) -> Block:
    with open_audio(recording, _container(recording), LIMITS) as stream:
        blocks = [block * np.float32(stream.scale) for block in stream.blocks()]
    assert not stream.truncated
    return np.concatenate(blocks)


def _container(recording: Path) -> Container:
    return _container_of(recording.read_bytes())


def _container_of(content: bytes) -> Container:
    return sniff_source(io.BytesIO(content))


def _claim_flac_frames(content: bytearray, frames: int) -> None:
    packed = int.from_bytes(content[21:26], "big") >> 36 << 36 | frames
    content[21:26] = packed.to_bytes(5, "big")


def _silent_film(target: Path) -> Path:
    import av

    with av.open(target, "w") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        for _ in range(3):
            output.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        output.mux(stream.encode(None))
    return target


class _Dribble(io.RawIOBase):
    """Gives at most 1000 bytes per read, as a network may."""

    def __init__(self, content: bytes) -> None:
        self._inner = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(min(size, 1000))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()


class _Failing(io.BytesIO):
    """Breaks its connection after some reads."""

    def __init__(self, content: bytes, healthy_reads: int) -> None:
        super().__init__(content)
        self.healthy_reads = healthy_reads

    def read(self, size: int | None = -1) -> bytes:
        self.healthy_reads -= 1
        if self.healthy_reads < 0:
            raise ConnectionResetError
        return super().read(size)
