"""What a recording says of itself beside its samples: tags, the broadcast chunk, GUANO; bounded, whatever it claims."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from .format import Container
from .libav import read_tags

# What a recording may have read of it for its metadata, all in all.
_BYTES_MAX = 2_000_000
_CHUNK_BYTES_MAX = 65_536
_CHUNKS_MAX = 64
_TAGS_MAX = 200
_TEXT_MAX = 4096
_RIFF_START = 12
_INFO_NAMES = {b"ICMT": "comment", b"IART": "artist", b"ICRD": "date", b"INAM": "title"}
# EBU Tech 3285: description, originator and its reference stand before the date.
_BEXT_DATE = slice(320, 330)
_BEXT_TIME = slice(330, 338)
_UNSAID = {0, 0xFFFFFFFF}


@dataclass(frozen=True, slots=True)
class Metadata:
    """Texts by name.

    tags   of any container, names in lower case
    guano  the fields of a GUANO chunk, as they are named there (guano-md.org)
    bext   date and time of origination, `2020-04-04` and `10:25:00`
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    guano: Mapping[str, str] = field(default_factory=dict)
    bext: tuple[str, str] | None = None


def read_metadata(source: BinaryIO, container: Container) -> Metadata:
    """Return what is said; nothing where nothing can be read. Leaves the source at its start.

    An error of the source itself is raised as it is.
    """
    try:
        return _of_wav(source) if container is Container.WAV else Metadata(_libav_tags(source, container))
    finally:
        source.seek(0)


def _of_wav(source: BinaryIO) -> Metadata:
    tags: dict[str, str] = {}
    guano: dict[str, str] = {}
    bext = None
    for name, content in _chunks(source):
        if name == b"LIST" and content.startswith(b"INFO"):
            tags.update(_info(content[4:]))
        elif name == b"guan":
            guano.update(_fields(_text(content)))
        elif name == b"bext":
            bext = _text(content[_BEXT_DATE]), _text(content[_BEXT_TIME])
    return Metadata(tags, guano, bext)


def _chunks(source: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and beginning of every chunk but the samples."""
    source.seek(0)
    order = ">" if source.read(4) == b"RIFX" else "<"
    position, data_bytes = _RIFF_START, 0
    for _ in range(_CHUNKS_MAX):
        source.seek(position)
        header = source.read(8)
        if len(header) < 8:
            return
        name, size_bytes = struct.unpack(f"{order}4sI", header)
        if name == b"data":
            size_bytes = data_bytes if size_bytes in _UNSAID and data_bytes else size_bytes
        else:
            content = source.read(min(size_bytes, _CHUNK_BYTES_MAX))
            if name == b"ds64" and len(content) >= 16:
                data_bytes = struct.unpack_from(f"{order}Q", content, 8)[0]
            yield name, content
        position += 8 + size_bytes + size_bytes % 2
        if position >= 2**62:
            return


def _info(content: bytes) -> Iterator[tuple[str, str]]:
    position = 0
    for _ in range(_TAGS_MAX):
        if position + 8 > len(content):
            return
        name, size_bytes = struct.unpack_from("<4sI", content, position)
        if name in _INFO_NAMES:
            yield _INFO_NAMES[name], _text(content[position + 8 : position + 8 + size_bytes])
        position += 8 + size_bytes + size_bytes % 2


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines()[:_TAGS_MAX]:
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(), value.strip()


def _text(content: bytes) -> str:
    return content[:_TEXT_MAX].partition(b"\0")[0].decode(errors="replace").strip()


def _libav_tags(source: BinaryIO, container: Container) -> dict[str, str]:
    tags = read_tags(cast("BinaryIO", _Rationed(source)), container)
    return {name.lower()[:_TEXT_MAX]: text[:_TEXT_MAX] for name, text in list(tags.items())[:_TAGS_MAX]}


class _Rationed:
    """A source that ends once enough of it was read: no header can have all of a recording fetched for its tags."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._left = _BYTES_MAX

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        content = self._source.read(wanted)
        self._left -= len(content)
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()
