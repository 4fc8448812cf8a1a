"""A WAV header's own claim of length, which libsndfile silently corrects to the bytes that exist."""

import struct
from typing import BinaryIO

_PCM_TAGS = (1, 3, 0xFFFE)
# Writers to a pipe cannot know the length and leave 0, 0x7FFFxxxx or 0xFFFFFFFF there.
_PLACEHOLDER_BYTES = 0x7FFF0000
_MAX_CHUNKS = 64


def claimed_wav_frames(source: BinaryIO) -> int | None:
    """Return the frames that the chunks `fmt ` and `data` of PCM in RIFF or RF64 promise, or None.

    None where there is no such claim: another codec, a placeholder, a big-endian or broken header.
    Leaves the source at its start.
    """
    source.seek(0)
    chunks = _chunks_to_data(source)
    source.seek(0)
    fmt, size_bytes = chunks.get(b"fmt ", b""), _data_bytes(chunks)
    if size_bytes is None or len(fmt) < 16:
        return None
    tag, _, _, _, block_bytes = struct.unpack_from("<HHIIH", fmt)
    return size_bytes // block_bytes if tag in _PCM_TAGS and block_bytes else None


def _data_bytes(chunks: dict[bytes, bytes]) -> int | None:
    if b"data" not in chunks:
        return None
    (size_bytes,) = struct.unpack("<I", chunks[b"data"])
    if 0 < size_bytes < _PLACEHOLDER_BYTES:
        return int(size_bytes)
    long_sizes = chunks.get(b"ds64", b"")
    return int(struct.unpack_from("<Q", long_sizes, 8)[0]) if len(long_sizes) >= 16 else None


def _chunks_to_data(source: BinaryIO) -> dict[bytes, bytes]:
    """Return the content of the short chunks before the samples; for `data`, its size field."""
    chunks: dict[bytes, bytes] = {}
    if source.read(12)[:4] not in (b"RIFF", b"RF64", b"BW64"):
        return chunks
    for _ in range(_MAX_CHUNKS):
        header = source.read(8)
        if len(header) < 8:
            break
        name, (size_bytes,) = header[:4], struct.unpack_from("<I", header, 4)
        if name == b"data":
            chunks[name] = header[4:]
            break
        chunks[name] = source.read(min(size_bytes, 64))
        source.seek(size_bytes + (size_bytes & 1) - len(chunks[name]), 1)
    return chunks
