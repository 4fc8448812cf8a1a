import io
from pathlib import Path

import pytest

from audio.errors import EmptyRecordingError, UnsupportedError
from audio.sniff import HEAD_BYTES, Container, sniff, sniff_source
from tests.audio import encode, tone, write

_WRITTEN = {"wav": Container.WAV, "w64": Container.W64, "flac": Container.FLAC, "ogg": Container.OGG}
_WRITTEN |= {"aiff": Container.AIFF, "rf64": Container.WAV}
_ENCODED = {"mp3": Container.MP3, "m4a": Container.MP4, "aac": Container.ADTS, "opus": Container.OGG}
_ENCODED |= {"mka": Container.MATROSKA, "webm": Container.MATROSKA}


@pytest.mark.parametrize("suffix", sorted(_WRITTEN))
def test_what_libsndfile_writes_is_recognised(tmp_path: Path, suffix: str) -> None:
    recording = write(tmp_path / f"tone.{suffix}", tone(duration_s=0.2))

    assert sniff(recording.read_bytes()[:HEAD_BYTES]) is _WRITTEN[suffix]


@pytest.mark.parametrize("suffix", sorted(_ENCODED))
def test_what_ffmpeg_writes_is_recognised(tmp_path: Path, suffix: str) -> None:
    recording = encode(tmp_path / f"tone.{suffix}", tone(duration_s=0.2))

    assert sniff(recording.read_bytes()[:HEAD_BYTES]) is _ENCODED[suffix]


def test_flac_behind_an_id3_tag_is_flac(tmp_path: Path) -> None:
    flac = write(tmp_path / "tone.flac", tone(duration_s=0.2)).read_bytes()

    assert sniff(_id3(1000) + flac) is Container.FLAC


def test_a_tag_longer_than_the_head_is_looked_behind(tmp_path: Path) -> None:
    flac = write(tmp_path / "tone.flac", tone(duration_s=0.2)).read_bytes()
    tagged = _id3(2 * HEAD_BYTES) + flac

    assert sniff(tagged[:HEAD_BYTES]) is Container.MP3
    assert sniff_source(io.BytesIO(tagged)) is Container.FLAC


def test_an_mp3_frame_without_a_successor_is_no_mp3(tmp_path: Path) -> None:
    mp3 = encode(tmp_path / "tone.mp3", tone(duration_s=0.2)).read_bytes()
    lone_frame = mp3[len(_tag_of(mp3)) :][:100]

    with pytest.raises(UnsupportedError):
        sniff(lone_frame + bytes(10_000))


def test_no_bytes_are_empty() -> None:
    with pytest.raises(EmptyRecordingError):
        sniff(b"")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\n", "SDP"),
        (b"#EXTM3U\nhttp://localhost/a.mp3\n", "playlist"),
        (b"just words\n", "text"),
        ("words in UTF-16".encode("utf-16"), "other kind"),
        (b"RIFF\0\0\0\0AVI LIST", "other kind"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "other kind"),
        (bytes(5000), "other kind"),
    ],
)
def test_other_content_is_named_and_refused(content: bytes, found: str) -> None:
    with pytest.raises(UnsupportedError, match=found):
        sniff(content)


def _id3(size_bytes: int) -> bytes:
    syncsafe = bytes(size_bytes >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x04\0\0" + syncsafe + bytes(size_bytes)


def _tag_of(mp3: bytes) -> bytes:
    return mp3[: mp3.index(b"\xff\xfb")]
