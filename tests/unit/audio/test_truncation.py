import struct
from pathlib import Path

import numpy as np
import pytest

from audio.decode import AudioLimits, open_audio
from audio.format import Container
from tests.audio import encode, tone, write

from .decoding import exhaust

LIMITS = AudioLimits()


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
        frames = exhaust(stream)

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
        frames = exhaust(stream)

    assert frames == 44_100
    assert not stream.truncated


def test_a_flac_without_a_length_decodes_whole(tmp_path: Path) -> None:
    content = bytearray(write(tmp_path / "tone.flac", tone(duration_s=1)).read_bytes())
    _claim_flac_frames(content, 0)
    recording = tmp_path / "pipe.flac"
    recording.write_bytes(content)

    with open_audio(recording, Container.FLAC, LIMITS) as stream:
        frames = exhaust(stream)

    assert (stream.format.claimed_frames, frames) == (None, 44_100)


def test_a_header_that_claims_terabytes_allocates_nothing(tmp_path: Path) -> None:
    content = bytearray(write(tmp_path / "tone.flac", tone(duration_s=0.1)).read_bytes())
    _claim_flac_frames(content, 2**36 - 1)
    recording = tmp_path / "huge.flac"
    recording.write_bytes(content)

    with open_audio(recording, Container.FLAC, LIMITS) as stream:
        frames = exhaust(stream)

    assert frames == 4410
    assert stream.truncated


def test_a_truncated_mp3_is_seen_by_its_own_count(tmp_path: Path) -> None:
    whole = encode(tmp_path / "tone.mp3", tone(duration_s=4))
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    with open_audio(cut, Container.MP3, LIMITS) as stream:
        frames = exhaust(stream)

    assert stream.format.claimed_frames == 4 * 44_100
    assert frames < 3 * 44_100
    assert stream.truncated


def _claim_flac_frames(content: bytearray, frames: int) -> None:
    packed = int.from_bytes(content[21:26], "big") >> 36 << 36 | frames
    content[21:26] = packed.to_bytes(5, "big")
