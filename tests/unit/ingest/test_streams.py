import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.errors import EmptyRecordingError, TooLargeError, UnsupportedError
from audio.format import Container
from audio.sniff import HEAD_BYTES
from services.ingest.streams import MeteredStream
from tests.audio import tone, write

LIMIT_BYTES = 1_000_000


class Source:
    """Chunks, and how many of them were asked for."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.given = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.given += 1
            yield chunk


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A short recording, larger than the head that is sniffed."""
    noisy: Path = tmp_path_factory.mktemp("wav") / "tone.wav"
    return write(noisy, tone(duration_s=1)).read_bytes()


@given(data=st.data())
async def test_the_bytes_pass_unchanged_however_they_are_cut(wav: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wav)), max_size=8)))
    chunks = [wav[start:end] for start, end in zip([0, *cuts], [*cuts, len(wav)], strict=True)]
    stream = _metered(Source(*chunks))

    passed = b"".join([chunk async for chunk in stream])

    assert passed == wav
    assert (stream.size_bytes, stream.sha256) == (len(wav), hashlib.sha256(wav).hexdigest())
    assert stream.container is Container.WAV


async def test_nothing_passes_before_it_is_known_to_be_audio() -> None:
    source = Source(*[b"just words " * 100 for _ in range(100)])

    with pytest.raises(UnsupportedError):
        await anext(aiter(_metered(source)))


async def test_what_is_no_audio_is_refused_after_its_head_not_at_its_end() -> None:
    chunk = b"x" * 16_384
    source = Source(*[chunk] * 50)

    with pytest.raises(UnsupportedError):
        await _drained(_metered(source))

    assert source.given == HEAD_BYTES // len(chunk)


async def test_a_recording_shorter_than_a_head_is_sniffed_at_its_end(wav: bytes) -> None:
    stream = _metered(Source(wav[:1000]))

    assert await _drained(stream) == 1000
    assert stream.container is Container.WAV


@pytest.mark.parametrize("chunks", [(), (b"",), (b"", b"")])
async def test_no_bytes_are_an_empty_recording(chunks: tuple[bytes, ...]) -> None:
    with pytest.raises(EmptyRecordingError):
        await _drained(_metered(Source(*chunks)))


async def test_the_limit_cuts_a_recording_off_while_it_streams(wav: bytes) -> None:
    source = Source(wav, *[bytes(10_000)] * 1000)

    with pytest.raises(TooLargeError):
        await _drained(_metered(source))

    assert source.given < 200


async def test_a_recording_as_large_as_the_limit_passes(wav: bytes) -> None:
    assert await _drained(MeteredStream(aiter(Source(wav)), len(wav))) == len(wav)
    with pytest.raises(TooLargeError):
        await _drained(MeteredStream(aiter(Source(wav)), len(wav) - 1))


def _metered(source: Source) -> MeteredStream:
    return MeteredStream(aiter(source), LIMIT_BYTES)


async def _drained(stream: MeteredStream) -> int:
    return sum([len(chunk) async for chunk in stream])
