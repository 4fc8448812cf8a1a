import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.decode import AudioLimits, open_audio
from audio.sniff import sniff_source
from tests.audio import Signal, encode, write

from .decoding import opened

LENGTH = 600_000
PLACES = [0, 1, 1000, 5767, 65_536, 300_001, LENGTH - 9000, LENGTH - 1]
EXACT = {
    "wav": ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "ULAW", "IMA_ADPCM", "MS_ADPCM"],
    "rf64": ["PCM_16"],
    "w64": ["PCM_16"],
    "aiff": ["PCM_24"],
    "flac": ["PCM_16", "PCM_24"],
    "ogg": ["VORBIS"],
}


@pytest.mark.parametrize(("suffix", "subtype"), [(suffix, each) for suffix in EXACT for each in EXACT[suffix]])
def test_what_libsndfile_reads_continues_from_the_very_sample(tmp_path: Path, suffix: str, subtype: str) -> None:
    recording = write(tmp_path / f"noise.{suffix}", _noise(), 44_100, subtype)

    assert_seeks_exactly(recording)


@pytest.mark.parametrize("suffix", ["mp3", "alac"])
def test_mp3_and_alac_continue_from_the_very_sample(tmp_path: Path, suffix: str) -> None:
    assert_seeks_exactly(encode(tmp_path / f"noise.{suffix}", _noise()))


@pytest.mark.parametrize(("suffix", "loudest_error"), [("m4a", 1e-4), ("aac", 1e-4), ("mka", 1e-4), ("opus", 0.05)])
def test_lossy_codecs_continue_at_the_exact_time(tmp_path: Path, suffix: str, loudest_error: float) -> None:
    recording = encode(tmp_path / f"chirp.{suffix}", _chirp(), 48_000)
    whole = _from(recording, 0)

    for place in PLACES:
        found = _from(recording, place, frames=4000)
        np.testing.assert_allclose(found, whole[place : place + 4000], atol=loudest_error)


def test_a_codec_that_cannot_seek_is_decoded_up_to_the_place(tmp_path: Path) -> None:
    assert_seeks_exactly(write(tmp_path / "phone.wav", _noise()[:, :1], 8000, "GSM610"))


def test_seeking_back_and_forth_in_one_stream_gives_each_place(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.flac", _noise())
    whole = _from(recording, 0)

    with opened(recording) as stream:
        for place in (400_000, 0, 123_456, 50):
            assert stream.seek(place) == place
            np.testing.assert_array_equal(next(stream.blocks(1000)) * stream.scale, whole[place : place + 1000])


def test_past_the_end_there_is_nothing_and_no_error(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.wav", _noise())

    with opened(recording) as stream:
        assert stream.seek(LENGTH + 5) == LENGTH
        assert list(stream.blocks()) == []
        assert not stream.truncated


def test_in_a_truncated_flac_what_is_there_is_found_and_what_is_not_is_not(tmp_path: Path) -> None:
    whole = write(tmp_path / "noise.flac", _noise())
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    with opened(cut) as stream:
        assert stream.seek(LENGTH - 1000) < LENGTH // 2 + 5000
        assert list(stream.blocks()) == []
        assert stream.truncated
    np.testing.assert_array_equal(_from(cut, 200_000, frames=5000), _from(whole, 200_000, frames=5000))


def test_after_a_seek_the_end_is_counted_from_the_start(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.wav", _noise())

    with opened(recording) as stream:
        stream.seek(LENGTH - 7000)
        found = sum(len(block) for block in stream.blocks())

    assert (stream.first_frame, stream.decoded_frames, found) == (LENGTH - 7000, 7000, 7000)
    assert not stream.truncated


def test_a_ranged_source_is_read_near_the_place_only(tmp_path: Path) -> None:
    source = _Counting(write(tmp_path / "noise.wav", _noise()).read_bytes())

    with open_audio(source, sniff_source(source), AudioLimits()) as stream:
        source.given = 0
        stream.seek(LENGTH // 2)
        next(stream.blocks(1000))

    assert source.given < 100_000


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["spinetail.wav", "voice.flac", "music_fast.ogg", "silence_10s.mp3"])
def test_real_recordings_continue_from_the_very_sample(recordings: Path, name: str) -> None:
    whole, _ = soundfile.read(recordings / name, dtype="float32", always_2d=True)

    for place in (1, len(whole) // 3, len(whole) - 500):
        # MP3's synthesis filter may start in another of its sixteen phases, and then rounds differently.
        np.testing.assert_allclose(_from(recordings / name, place), whole[place:], rtol=0, atol=1e-7)


def assert_seeks_exactly(recording: Path) -> None:
    whole = _from(recording, 0)
    for place in PLACES:
        if place < len(whole):
            np.testing.assert_array_equal(_from(recording, place, frames=4000), whole[place : place + 4000])


def _from(recording: Path, place: int, frames: int | None = None) -> Signal:
    with opened(recording) as stream:
        assert stream.seek(place) == place
        blocks = [next(stream.blocks(frames))] if frames else list(stream.blocks())
        return np.concatenate(blocks, dtype=np.float32) * np.float32(stream.scale)


def _noise() -> Signal:
    return np.random.default_rng(1).normal(0, 0.1, (LENGTH, 2)).astype(np.float32)


def _chirp() -> Signal:
    # AAC replaces noise by other noise of the same power, never the same twice; a chirp it keeps.
    time_s = np.arange(LENGTH) / 48_000
    chirp = 0.5 * np.sin(2 * np.pi * (200 + 100 * time_s) * time_s)
    return np.repeat(chirp[:, None], 2, axis=1).astype(np.float32)


class _Counting(io.BytesIO):
    """Counts the bytes it gives."""

    given = 0

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self.given += len(content)
        return content
