"""New colours for a finished palette PNG: its pixels stay as they are, unread."""

import struct
import zlib

_SIGNATURE_BYTES = 8
_KIND = b"PLTE"


def recoloured(png: bytes, colours: bytes) -> bytes:
    """Return `png` with `colours`, as many RGB triples as it has, in place of its palette.

    Raises `ValueError` where there is no palette of that size.
    """
    at = _palette_at(png)
    (size_bytes,) = struct.unpack_from(">I", png, at)
    if size_bytes != len(colours):
        raise ValueError(f"a palette of {size_bytes} bytes cannot become one of {len(colours)}")
    check = struct.pack(">I", zlib.crc32(colours, zlib.crc32(_KIND)))
    return b"".join([png[: at + 8], colours, check, png[at + 12 + size_bytes :]])


def _palette_at(png: bytes) -> int:
    at = _SIGNATURE_BYTES
    while at + 8 <= len(png):
        size_bytes, kind = struct.unpack_from(">I4s", png, at)
        if kind == _KIND:
            return at
        at += 12 + size_bytes
    raise ValueError("this PNG has no palette")
