"""What the headers of WAV, W64, AIFF and CAF claim of their length; libsndfile corrects it to the bytes that exist."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .format import Container

_PCM_TAGS = (1, 3, 0xFFFE)
_PCM_AIFC = {b"NONE", b"sowt", b"twos", b"raw ", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64"}
_PCM_AIFC |= {b"ulaw", b"ULAW", b"alaw", b"ALAW"}
# Writers to a pipe cannot know the length and leave 0, 0x7FFFxxxx or 0xFFFFFFFF there.
_PLACEHOLDER_BYTES = 0x7FFF0000
_MAX_CHUNKS = 64
_MAX_BYTES = 2**62
_KEPT_BYTES = 64


@dataclass(frozen=True, slots=True)
class _Layout:
    """How chunks stand in a file.

    header    struct of name and size
    overhead  bytes of the header that the size counts, too
    """

    start: int
    header: struct.Struct
    overhead: int
    alignment: int


@dataclass(frozen=True, slots=True)
class _Chunk:
    """One chunk, with the beginning of its content."""

    size_bytes: int
    content: bytes


_WAV = _Layout(12, struct.Struct("<4sI"), 0, 2)
_RIFX = _Layout(12, struct.Struct(">4sI"), 0, 2)
_AIFF = _Layout(12, struct.Struct(">4sI"), 0, 2)
_CAF = _Layout(8, struct.Struct(">4sq"), 0, 1)
_W64 = _Layout(40, struct.Struct("<16sQ"), 24, 8)


def claimed_frames(source: BinaryIO, container: Container) -> int | None:
    """Return the frames that the header of uncompressed samples promises, or None.

    None where there is no such claim: another container or codec, a placeholder, a broken header.
    Leaves the source at its start.
    """
    try:
        return _CLAIMS[container](source) if container in _CLAIMS else None
    except struct.error:
        return None
    finally:
        source.seek(0)


def _wav_frames(source: BinaryIO) -> int | None:
    source.seek(0)
    is_big_endian = source.read(4) == b"RIFX"
    chunks = _chunks_to(b"data", source, _RIFX if is_big_endian else _WAV)
    data = chunks.get(b"data", _Chunk(0, b""))
    size_bytes = data.size_bytes
    if not 0 < size_bytes < _PLACEHOLDER_BYTES:
        if b"ds64" not in chunks:
            return None
        size_bytes = struct.unpack_from("<Q", chunks[b"ds64"].content, 8)[0]
    return _pcm_frames(chunks.get(b"fmt "), size_bytes, ">" if is_big_endian else "<")


def _w64_frames(source: BinaryIO) -> int | None:
    chunks = {name[:4]: chunk for name, chunk in _chunks_to(b"data", source, _W64).items()}
    return _pcm_frames(chunks.get(b"fmt "), chunks[b"data"].size_bytes, "<") if b"data" in chunks else None


def _aiff_frames(source: BinaryIO) -> int | None:
    common = _chunks_to(b"COMM", source, _AIFF).get(b"COMM")
    if common is None or (len(common.content) >= 22 and common.content[18:22] not in _PCM_AIFC):
        return None
    return int(struct.unpack_from(">hI", common.content)[1]) or None


def _caf_frames(source: BinaryIO) -> int | None:
    chunks = _chunks_to(b"data", source, _CAF)
    if not {b"desc", b"data"} <= chunks.keys():
        return None
    packet_bytes, packet_frames = struct.unpack_from(">8x4s4xII", chunks[b"desc"].content)[1:]
    # Four bytes of the chunk count its edits.
    size_bytes = chunks[b"data"].size_bytes - 4
    return size_bytes // packet_bytes * packet_frames or None if packet_bytes and size_bytes > 0 else None


def _pcm_frames(fmt: _Chunk | None, size_bytes: int, order: str) -> int | None:
    if fmt is None:
        return None
    tag, _, _, _, frame_bytes = struct.unpack_from(f"{order}HHIIH", fmt.content)
    return size_bytes // frame_bytes if tag in _PCM_TAGS and frame_bytes else None


def _chunks_to(last: bytes, source: BinaryIO, layout: _Layout) -> dict[bytes, _Chunk]:
    """Return the chunks up to the one whose name begins with `last`."""
    chunks = {}
    for name, chunk in _chunks(source, layout):
        chunks[name] = chunk
        if name.startswith(last):
            break
    return chunks


def _chunks(source: BinaryIO, layout: _Layout) -> Iterator[tuple[bytes, _Chunk]]:
    source.seek(layout.start)
    for _ in range(_MAX_CHUNKS):
        head = source.read(layout.header.size)
        if len(head) < layout.header.size:
            return
        name, counted_bytes = layout.header.unpack(head)
        size_bytes = counted_bytes - layout.overhead
        content = source.read(max(0, min(size_bytes, _KEPT_BYTES)))
        yield name, _Chunk(size_bytes, content)
        if not 0 <= size_bytes < _MAX_BYTES:
            return
        padding = -size_bytes % layout.alignment
        source.seek(size_bytes + padding - len(content), 1)


_CLAIMS = {
    Container.WAV: _wav_frames,
    Container.W64: _w64_frames,
    Container.AIFF: _aiff_frames,
    Container.CAF: _caf_frames,
}
