import io
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest

from audio.decode import AudioLimits, open_audio
from audio.format import Container
from audio.sniff import sniff_source
from audio.source import GuardedSource
from tests.audio import encode, tone, write

from .decoding import container_of, decoded, exhaust

LIMITS = AudioLimits()


def test_a_file_object_decodes_as_its_path_does(tmp_path: Path) -> None:
    for recording in (
        write(tmp_path / "tone.flac", tone(duration_s=2)),
        encode(tmp_path / "tone.m4a", tone(duration_s=2)),
    ):
        container = container_of(recording)
        with open_audio(io.BytesIO(recording.read_bytes()), container, LIMITS) as stream:
            from_object = np.concatenate(list(stream.blocks()))

        np.testing.assert_array_equal(from_object * np.float32(stream.scale), decoded(recording))


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
            exhaust(stream)


def _container_of(content: bytes) -> Container:
    return sniff_source(io.BytesIO(content))


@pytest.mark.parametrize(("offset", "whence"), [(-1, io.SEEK_SET), (-(2**40), io.SEEK_CUR), (2**70, io.SEEK_SET)])
def test_a_place_where_no_file_can_be_is_no_fault_of_the_source(tmp_path: Path, offset: int, whence: int) -> None:
    (tmp_path / "few").write_bytes(b"few bytes")
    with (tmp_path / "few").open("rb", buffering=0) as opened:
        guard = GuardedSource(cast("BinaryIO", opened))
        guard.seek(3)

        assert guard.seek(offset, whence) == 3
        guard.raise_error()


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
