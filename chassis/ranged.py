"""A remote object as a seekable file: a child process reads the few ranges it needs over one connection."""

import http.client
import io
from urllib.parse import urlsplit

from .errors import ObjectStoreError

BLOCK_BYTES = 128 * 1024
_KEPT_BLOCKS = 8


class RangedObject(io.RawIOBase):
    """Reads `url` by ranges, block by block, and keeps the blocks used last.

    Raises `ObjectStoreError` when a range cannot be had.
    """

    def __init__(self, url: str, size_bytes: int, timeout_s: float = 10) -> None:
        super().__init__()
        parts = urlsplit(url)
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(parts.netloc, timeout=timeout_s)
        self._target = f"{parts.path}?{parts.query}"
        self._size_bytes = size_bytes
        self._position = 0
        self._blocks: dict[int, bytes] = {}

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be sought in."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; nothing is read."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed wants any buffer
        """Fill `buffer` from the current block, at most to the block's end."""
        if self._position >= self._size_bytes:
            return 0
        index, offset = divmod(self._position, BLOCK_BYTES)
        piece = self._block(index)[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        super().close()

    def _block(self, index: int) -> bytes:
        if index not in self._blocks:
            if len(self._blocks) >= _KEPT_BLOCKS:
                self._blocks.pop(next(iter(self._blocks)))
            self._blocks[index] = self._fetch(index)
        return self._blocks[index]

    def _fetch(self, index: int) -> bytes:
        first = index * BLOCK_BYTES
        last = min(first + BLOCK_BYTES, self._size_bytes) - 1
        try:
            self._connection.request("GET", self._target, headers={"Range": f"bytes={first}-{last}"})
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ObjectStoreError("GetObject", "range", repr(error)) from error
        if answer.status not in (200, 206) or len(body) != last - first + 1:
            raise ObjectStoreError("GetObject", "range", f"status {answer.status}, {len(body)} bytes")
        return body
