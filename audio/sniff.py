"""Recognise a recording's container from its content; names and media types are not asked."""

import re
from typing import BinaryIO

from .errors import EmptyRecordingError, UnsupportedError
from .format import Container
from .mpeg import is_adts, is_mpeg_audio

__all__ = ["HEAD_BYTES", "Container", "sniff", "sniff_source", "tag_bytes"]

HEAD_BYTES = 65_536
_ID3_HEADER_BYTES = 10
_MAGIC = {b"fLaC": Container.FLAC, b"OggS": Container.OGG, b"\x1a\x45\xdf\xa3": Container.MATROSKA}
_MAGIC |= {b"caff": Container.CAF}
_W64_GUID = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_WAVE = re.compile(rb"(?:RIFF|RIFX|RF64|BW64)....WAVE", re.DOTALL)
_AIFF = re.compile(rb"FORM....AIF[FC]", re.DOTALL)
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_TEXT_BYTES = frozenset(range(0x20, 0x100)) | {0x09, 0x0A, 0x0D}


def sniff(head: bytes) -> Container:
    """Return the container that `head`, the first `HEAD_BYTES` of a recording, belongs to.

    An ID3 tag longer than `head` hides what follows; that is called MP3, and `sniff_source` looks behind it.
    Raises `EmptyRecordingError` without bytes, `UnsupportedError` when the content is something else.
    """
    if not head:
        raise EmptyRecordingError
    tag = tag_bytes(head)
    if tag >= len(head):
        return Container.MP3
    container = _container(head[tag:])
    if container is None:
        raise UnsupportedError(_looks_like(head))
    return container


def sniff_source(source: BinaryIO) -> Container:
    """Sniff a seekable source, behind its ID3 tag however long that is; leaves the source at its start."""
    source.seek(0)
    head = source.read(HEAD_BYTES)
    tag = tag_bytes(head)
    if head and tag >= len(head):
        source.seek(tag)
        head = source.read(HEAD_BYTES)
    source.seek(0)
    return sniff(head)


def tag_bytes(head: bytes) -> int:
    """Return how many bytes the ID3v2 tags at the start of `head` take, header and footer included."""
    end = 0
    while head[end : end + 3] == b"ID3" and len(head) >= end + _ID3_HEADER_BYTES:
        footer = _ID3_HEADER_BYTES if head[end + 5] & 0x10 else 0
        end += _ID3_HEADER_BYTES + footer + _syncsafe(head[end + 6 : end + 10])
    return end


def _container(body: bytes) -> Container | None:
    if body[:4] in _MAGIC:
        return _MAGIC[body[:4]]
    if _WAVE.match(body):
        return Container.WAV
    if body.startswith(_W64_GUID):
        return Container.W64
    if _AIFF.match(body):
        return Container.AIFF
    if body[4:8] in _MP4_BOXES:
        return Container.MP4
    return _framed(body.lstrip(b"\0"))


def _framed(body: bytes) -> Container | None:
    if is_adts(body):
        return Container.ADTS
    return Container.MP3 if is_mpeg_audio(body) else None


def _syncsafe(four: bytes) -> int:
    return (four[0] & 127) << 21 | (four[1] & 127) << 14 | (four[2] & 127) << 7 | four[3] & 127


def _looks_like(head: bytes) -> str:
    if head.startswith(b"v=0"):
        return "a session description (SDP)"
    if head.startswith((b"#EXTM3U", b"[playlist]")):
        return "a playlist"
    if _TEXT_BYTES.issuperset(head[:512]):
        return "text"
    return "some other kind of content"
