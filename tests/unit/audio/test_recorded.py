# ruff: noqa: DTZ001 (what a clock shows has no zone)
import io
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.format import Container
from audio.metadata import Metadata, read_metadata
from audio.recorded import Position, Recorded, position, recorded
from audio.sniff import sniff_source
from tests.audio import encode, tone

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("metadata.wav", datetime(2020, 4, 4, 10, 25)),
        ("audiomoth_gps.wav", datetime(2024, 5, 28, 10)),
        ("1min.wav", datetime(2018, 5, 4, 9, 32)),
    ],
)
def test_an_audiomoth_says_when_it_recorded_in_its_comment(recordings: Path, name: str, local: datetime) -> None:
    found = _of_file(recordings / name)

    assert found is not None
    assert (found.said.source, found.said.local, found.offset, found.doubts) == ("audiomoth", local, timedelta(0), ())
    assert found.said.utc == local.replace(tzinfo=UTC)


@pytest.mark.recordings
def test_the_names_of_a_night_say_when_and_nothing_of_a_zone(recordings: Path) -> None:
    found = [_of_file(path) for path in sorted((recordings / "night").glob("*.wav"))]

    assert all(each is not None and each.offset is None and each.doubts == () for each in found)
    assert {each.said.source for each in found if each} == {"name"}
    assert found[1] is not None
    assert found[1].said.local == datetime(2019, 5, 22, 0, 30)


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["voice.flac", "music_fast.ogg", "silence_10s.mp3", "short_no_metadata.wav"])
def test_where_nobody_says_when_nothing_is_made_up(recordings: Path, name: str) -> None:
    assert _of_file(recordings / name) is None


@pytest.mark.parametrize(
    ("name", "local", "offset"),
    [
        ("20190522_003000.wav", datetime(2019, 5, 22, 0, 30), None),
        ("S4A03895_20190522_003000.wav", datetime(2019, 5, 22, 0, 30), None),
        ("2019-05-22T00-30-00.flac", datetime(2019, 5, 22, 0, 30), None),
        ("2019-05-22 00.30.05.flac", datetime(2019, 5, 22, 0, 30, 5), None),
        ("20190522T003000Z.wav", datetime(2019, 5, 22, 0, 30), timedelta(0)),
        ("20191026T000000-0300_REC.wav", datetime(2019, 10, 26), -3 * HOUR),
        ("20191125_000000+1000.wav", datetime(2019, 11, 25), 10 * HOUR),
        ("site_20190522$003000.wav", datetime(2019, 5, 22, 0, 30), None),
        ("201905220030.wav", datetime(2019, 5, 22, 0, 30), None),
        ("20191322_003000.wav", None, None),
        ("20190230_003000.wav", None, None),
        ("99990101_000000.wav", None, None),
        ("20190522.wav", None, None),
        ("track 12.mp3", None, None),
    ],
)
def test_a_name_says_when_in_many_ways(name: str, local: datetime | None, offset: timedelta | None) -> None:
    found = recorded(Metadata(), name, NOW)

    assert (found.said.local if found else None) == local
    assert (found.offset if found else None) == offset


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        (" (UTC)", timedelta(0)),
        ("", timedelta(0)),
        (" (UTC+10)", 10 * HOUR),
        (" (UTC-2)", -2 * HOUR),
        (" (UTC+5:30)", 5.5 * HOUR),
    ],
)
def test_an_audiomoth_says_its_zone(zone: str, offset: timedelta) -> None:
    comment = f"Recorded at 10:25:00 04/04/2020{zone} by AudioMoth 24526B065D325963 at gain setting 2."

    found = recorded(Metadata({"comment": comment}), "a.wav", NOW)

    assert found is not None
    assert (found.said.local, found.offset) == (datetime(2020, 4, 4, 10, 25), offset)


def test_guano_is_believed_before_the_others_and_says_where() -> None:
    text = (
        "GUANO|Version: 1.0\nTimestamp: 2017-04-20T04:30:00-07:00\nLoc Position: 42.1638 -71.3063\nLoc Elevation: 12.5"
    )
    wav = _wav((b"guan", text.encode()), (b"bext", _bext("2017:04:20", "04-30-00")))

    metadata = read_metadata(io.BytesIO(wav), Container.WAV)
    found = recorded(metadata, "20170420_043000.wav", NOW)

    assert found is not None
    assert (found.said.source, found.offset, found.doubts) == ("guano", -7 * HOUR, ())
    assert found.said.utc == datetime(2017, 4, 20, 11, 30, tzinfo=UTC)
    assert position(metadata) == Position("guano", 42.1638, -71.3063, 12.5)


@pytest.mark.parametrize("text", ["0.0 0.0", "91 10", "10", "a b", "10 20 30", "1e400 5"])
def test_a_place_that_is_none_is_not_told(text: str) -> None:
    assert position(Metadata(guano={"Loc Position": text})) is None


def test_a_broadcast_chunk_says_when() -> None:
    metadata = read_metadata(io.BytesIO(_wav((b"bext", _bext("2021-06-01", "23:59:58")))), Container.WAV)

    found = recorded(metadata, "tape.wav", NOW)

    assert found is not None
    assert (found.said.source, found.said.local, found.offset) == ("bext", datetime(2021, 6, 1, 23, 59, 58), None)


def test_a_film_says_when_and_where_in_its_tags(tmp_path: Path) -> None:
    path = encode(tmp_path / "film.m4a", tone(duration_s=1))
    tagged = tmp_path / "tagged.mov"
    with av.open(str(path)) as source, av.open(str(tagged), "w", options={"movflags": "use_metadata_tags"}) as sink:
        sink.metadata["creation_time"] = "2021-06-01T10:00:00Z"
        sink.metadata["com.apple.quicktime.location.ISO6709"] = "+51.7520-001.2577+010/"
        track = sink.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = track
                sink.mux(packet)

    with tagged.open("rb") as opened:
        metadata = read_metadata(opened, Container.MP4)

    found = recorded(metadata, "film.mov", NOW)
    assert found is not None
    assert (found.said.source, found.said.utc) == ("tags", datetime(2021, 6, 1, 10, tzinfo=UTC))
    assert position(metadata) == Position("tags", 51.752, -1.2577, 10.0)


@pytest.mark.parametrize(
    ("name", "doubts"),
    [
        ("19700101_000012.wav", ("before_1990", "clock_not_set")),
        ("20000101_001500.wav", ("clock_not_set",)),
        ("19850703_120000.wav", ("before_1990",)),
        ("20261201_000000.wav", ("in_future",)),
        ("20261122_100000.wav", ()),
    ],
)
def test_what_cannot_be_is_doubted_and_kept(name: str, doubts: tuple[str, ...]) -> None:
    found = recorded(Metadata(), name, NOW)

    assert found is not None
    assert found.doubts == doubts


def test_a_plausible_name_is_believed_before_a_clock_that_nobody_set() -> None:
    comment = "Recorded at 00:00:40 01/01/1970 (UTC) by AudioMoth 24526B065D325963"

    found = recorded(Metadata({"comment": comment}), "20200404_102500.wav", NOW)

    assert found is not None
    assert (found.said.source, found.said.local) == ("name", datetime(2020, 4, 4, 10, 25))
    assert found.doubts == ("sources_disagree",)


def test_the_offset_of_one_source_is_that_of_another_which_has_the_same_time() -> None:
    guano = {"Timestamp": "2020-04-04T12:25:00"}
    comment = "Recorded at 12:25:00 04/04/2020 (UTC+2) by AudioMoth 24526B065D325963"

    found = recorded(Metadata({"comment": comment}, guano), "a.wav", NOW)

    assert found is not None
    assert (found.said.source, found.offset, found.offset_source) == ("guano", 2 * HOUR, "audiomoth")


@pytest.mark.parametrize(("name", "disagrees"), [("20200404_122500.wav", False), ("20200404_123100.wav", True)])
def test_sources_agree_where_a_zone_explains_the_difference(name: str, *, disagrees: bool) -> None:
    comment = "Recorded at 10:25:00 04/04/2020 (UTC) by AudioMoth 24526B065D325963"

    found = recorded(Metadata({"comment": comment}), name, NOW)

    assert found is not None
    assert ("sources_disagree" in found.doubts) is disagrees


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"LIST", b"INFO" + b"ICMT\xff\xff\xff\x7fabc")],
        [(b"bext", b"short")],
        [(b"guan", b"\xff\xfe" * 100)],
        [(b"guan", b"Timestamp: 2020-99-99T00:00:00\n" * 50_000)],
        [(b"junk", b"")] * 5000,
    ],
)
def test_hostile_metadata_is_read_within_bounds(chunks: list[tuple[bytes, bytes]]) -> None:
    source = Counting(_wav(*chunks))

    metadata = read_metadata(source, Container.WAV)

    assert recorded(metadata, "a.wav", NOW) is None
    assert source.taken < 300_000


def test_a_picture_that_claims_gigabytes_has_no_more_than_the_ration_fetched() -> None:
    picture = b"\x06" + (2**24 - 1).to_bytes(3, "big") + bytes(2**24 - 1)
    stream = b"fLaC" + b"\x00\x00\x00\x22" + bytes(34) + picture * 3
    source = Counting(stream)

    assert read_metadata(source, Container.FLAC).tags == {}
    assert source.taken <= 2_000_000


@given(st.binary(max_size=400), st.sampled_from(list(Container)), st.text(max_size=60))
def test_no_bytes_and_no_name_break_the_reading(body: bytes, container: Container, name: str) -> None:
    head = b"RIFF\0\0\0\0WAVE" if container is Container.WAV else b""

    metadata = read_metadata(io.BytesIO(head + body), container)

    assert isinstance(recorded(metadata, name, NOW), Recorded | None)
    assert isinstance(position(metadata), Position | None)


class Counting(io.BytesIO):
    """Counts the bytes that were read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.taken += len(content)
        return content


def _of_file(path: Path) -> Recorded | None:
    with path.open("rb") as source:
        return recorded(read_metadata(source, sniff_source(source)), path.name, NOW)


def _wav(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2) for name, content in chunks
    )
    samples = (
        b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + struct.pack("<I", 4) + bytes(4)
    )
    return b"RIFF" + struct.pack("<I", 4 + len(samples + body)) + b"WAVE" + samples + body


def _bext(date: str, time: str) -> bytes:
    return bytes(320) + date.encode() + time.encode() + bytes(264)
