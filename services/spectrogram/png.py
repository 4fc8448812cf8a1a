"""Palette PNGs: one byte per pixel, written fast, the same bytes every time."""

import struct
from itertools import chain

import numpy as np
import numpy.typing as npt
from zlib_ng import zlib_ng

from contracts.recolour import chunk, text_chunk

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE_COLOUR = 3
_SUB_FILTER = 1
# Runs of one byte are all that differences to the left have to offer; looking for nothing else, there is no table of
# earlier places whose state could change the result (decision 0062).
_LEVEL, _WINDOW_BITS, _MEMORY_LEVEL = 1, 15, 9


def palette_png(indices: npt.NDArray[np.uint8], palette: bytes, texts: dict[str, str]) -> bytes:
    """Return the PNG of `indices`, with `texts` (ASCII) in tEXt chunks.

    indices  (height, width) uint8, top row first
    palette  256 RGB triples
    """
    height, width = indices.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _PALETTE_COLOUR, 0, 0, 0)
    notes = [text_chunk(key, text) for key, text in texts.items()]
    pixels = _deflated(_sub_filtered(indices))
    chunks = [chunk(b"IHDR", header), *notes, chunk(b"PLTE", palette), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"".join([_SIGNATURE, *chain.from_iterable(chunks)])


def _deflated(filtered: npt.NDArray[np.uint8]) -> bytes:
    strategy = zlib_ng.Z_RLE
    compressor = zlib_ng.compressobj(_LEVEL, zlib_ng.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL, strategy)
    return compressor.compress(filtered) + compressor.flush()


def _sub_filtered(indices: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Put each row as differences to its left neighbour behind its filter byte (PNG, 9.2)."""
    height, width = indices.shape
    filtered = np.empty((height, width + 1), dtype=np.uint8)
    filtered[:, 0] = _SUB_FILTER
    filtered[:, 1] = indices[:, 0]
    np.subtract(indices[:, 1:], indices[:, :-1], out=filtered[:, 2:])
    return filtered
