"""Small recordings that would be very large, and headers without end."""

import io
import struct
from functools import cache

import numpy as np
import soundfile

from tests.unit.audio.hostile import Content, patched, sound

_SLOW_HZ = 1000
_HOURS_26 = 26 * 3600
_OPUS_HZ = 48_000
# Two stereo packets of silence by code 3 (RFC 6716): six frames of 20 ms without a byte in them.
_OPUS_SILENCE = b"\xff\x06"
_OPUS_PACKET_FRAMES = 5760
_PAGE_PACKETS = 255
_STUFFING_BYTES = 8_000_000
LARGE_BYTES = 24_000_000
_COVER_BYTES = 16_000_000


@cache
def silent(container: str, subtype: str, seconds: int = _HOURS_26) -> Content:
    """Return that much silence at 1 kHz."""
    target = io.BytesIO()
    with soundfile.SoundFile(target, "w", _SLOW_HZ, 1, format=container, subtype=subtype) as output:
        for _ in range(seconds // 60):
            output.write(np.zeros(60 * _SLOW_HZ, dtype=np.int16))
    return target.getvalue()


def flac_hidden(seconds: int = _HOURS_26) -> Content:
    """Return a FLAC that says nothing of its length."""
    content = silent("FLAC", "PCM_16", seconds)
    packed = int.from_bytes(content[18:26], "big") >> 36 << 36
    return patched(content, 18, packed.to_bytes(8, "big"))


def flac_of(rate_hz: int, channels: int, frames: int) -> Content:
    """Return a FLAC whose header claims so much, within all but one limit."""
    content = sound("FLAC 16")
    packed = rate_hz << 44 | (channels - 1) << 41 | 15 << 36 | frames
    return patched(content, 18, packed.to_bytes(8, "big"))


def opus(seconds: int = _HOURS_26, *, claims: int | None = None) -> Content:
    """Return Opus in which every packet is 120 ms of silence in two bytes; its last page says `claims` frames."""
    head = b"OpusHead\x01\x02" + struct.pack("<HIhB", 0, _OPUS_HZ, 0, 0)
    pages = [_page([head], 0, 0, 2), _page([b"OpusTags" + bytes(8)], 0, 1, 0)]
    count = seconds * _OPUS_HZ // _OPUS_PACKET_FRAMES // _PAGE_PACKETS
    for number in range(count):
        position = (number + 1) * _PAGE_PACKETS * _OPUS_PACKET_FRAMES
        is_last = number == count - 1
        said = claims if is_last and claims is not None else position
        pages.append(_page([_OPUS_SILENCE] * _PAGE_PACKETS, said, number + 2, 4 * is_last))
    return b"".join(pages)


def stuffed(start: Content, piece: bytes, end: Content = b"", *, size_bytes: int = _STUFFING_BYTES) -> Content:
    """Return as many empty pieces between start and end as take that many bytes."""
    return start + piece * (size_bytes // len(piece)) + end


def boxes(name: bytes) -> Content:
    """Return an MP4 of empty boxes."""
    content = sound("M4A AAC")
    return stuffed(content[: struct.unpack(">I", content[:4])[0]], struct.pack(">I", 8) + name)


def flac_blocks() -> Content:
    """Return a FLAC with millions of empty blocks of padding before its first frame."""
    content = sound("FLAC 16")
    first = bytes([content[4] & 0x7F]) + content[5:42]
    return stuffed(content[:4] + first, b"\1\0\0\0", content[42:])


def id3_frames() -> Content:
    """Return an MP3 behind a tag of a million comments."""
    return _id3(b"COMM\0\0\0\1\0\0x" * (_COVER_BYTES // 11)) + sound("MP3, variable rate")


def id3_cover() -> Content:
    """Return an MP3 behind a cover of 16 MB."""
    cover = b"\0image/png\0\3\0" + bytes(_COVER_BYTES)
    return _id3(b"APIC" + _syncsafe(len(cover)) + b"\0\0" + cover) + sound("MP3, variable rate")


def flac_comments(claimed: int) -> Content:
    """Return a FLAC whose comments say that there are so many of them."""
    content = sound("FLAC 16")
    comments = struct.pack("<II", 0, claimed) + b"\1\0\0\0=" * 100_000
    block = b"\x84" + len(comments).to_bytes(3, "big") + comments
    return content[:4] + bytes([content[4] & 0x7F]) + content[5:42] + block + content[42:]


def wav_list(claimed_bytes: int) -> Content:
    """Return a WAV with a list of notes, each of which claims so many bytes."""
    notes = b"INFO" + (b"ICMT" + struct.pack("<I", claimed_bytes) + b"x\0") * 10_000
    return sound("WAV PCM_16") + b"LIST" + struct.pack("<I", len(notes)) + notes


def _id3(frames: bytes) -> bytes:
    return b"ID3\4\0\0" + _syncsafe(len(frames)) + frames


def _syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def _page(packets: list[bytes], position: int, number: int, flags: int) -> bytes:
    lengths = bytes(len(packet) for packet in packets)
    head = b"OggS\0" + bytes([flags]) + struct.pack("<QIII", position, 1, number, 0) + bytes([len(packets)]) + lengths
    page = head + b"".join(packets)
    return patched(page, 22, struct.pack("<I", _crc(page)))


def _crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _CRC[crc >> 24 ^ byte]
    return crc


def _crc_of(byte: int) -> int:
    crc = byte << 24
    for _ in range(8):
        crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
    return crc & 0xFFFFFFFF


# Ogg's own (RFC 3533): the polynomial of zlib's, but from the other end.
_CRC = [_crc_of(byte) for byte in range(256)]
