"""New colours for a finished palette PNG: its pixels stay as they are, unread."""

import struct
import zlib
from collections.abc import Iterator, Mapping

# Under this key an image carries its geometry as JSON.
TEXT_KEY = "dawnchorus"
# Under this one how it was computed, which no colours change.
COMPUTATION_TEXT_KEY = "dawnchorus-computation"

_SIGNATURE_BYTES = 8
_PALETTE, _TEXT = b"PLTE", b"tEXt"


def recoloured(png: bytes, colours: bytes, texts: Mapping[str, str] | None = None) -> bytes:
    """Return `png` with `colours`, as many RGB triples as it has, in place of its palette.

    texts  (ASCII) take the place of the image's own of the same key

    Raises `ValueError` where there is no palette of that size.
    """
    parts = [png[:_SIGNATURE_BYTES]]
    for start, end, kind in _chunks(png):
        content = memoryview(png)[start + 8 : end - 4]
        if kind == _PALETTE:
            if len(content) != len(colours):
                raise ValueError(f"a palette of {len(content)} bytes cannot become one of {len(colours)}")
            return b"".join([*parts, *chunk(_PALETTE, colours), png[end:]])
        key = bytes(content).partition(b"\0")[0].decode("latin-1") if kind == _TEXT else None
        text = (texts or {}).get(key) if key is not None else None
        parts.extend([png[start:end]] if text is None else text_chunk(str(key), text))
    raise ValueError("this PNG has no palette")


def text_of(png: bytes, key: str) -> str:
    """Return the text that an image carries under `key`. Raises `ValueError` where it carries none."""
    for start, end, kind in _chunks(png):
        if kind == _TEXT:
            name, _, text = png[start + 8 : end - 4].partition(b"\0")
            if name.decode("latin-1") == key:
                return text.decode("latin-1")
    raise ValueError(f"this PNG has no text {key}")


def text_chunk(key: str, text: str) -> tuple[bytes, ...]:
    """Return a tEXt chunk in its parts; both are ASCII."""
    return chunk(_TEXT, f"{key}\0{text}".encode("ascii"))


def chunk(kind: bytes, content: bytes) -> tuple[bytes, ...]:
    """Return a chunk in its parts: pixels are megabytes, and are copied once, into the whole."""
    check = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)), kind, content, struct.pack(">I", check)


def _chunks(png: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield where each chunk begins and ends, and of which kind it is."""
    start = _SIGNATURE_BYTES
    while start + 8 <= len(png):
        size_bytes, kind = struct.unpack_from(">I4s", png, start)
        yield start, start + 12 + size_bytes, kind
        start += 12 + size_bytes
