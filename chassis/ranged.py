"""A remote object as a seekable file, read over one connection: the few ranges somebody asks for, or all of it."""

import hashlib
import http.client
import io
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from .dialing import dial
from .errors import ObjectCorruptError, ObjectStoreError, UnprocessableError

BLOCK_BYTES = 128 * 1024
# What is smaller is copied in less time than a first look at it takes by ranges (decision 0019).
STREAMED_FROM_BYTES = 64_000_000
STREAMED_BLOCK_BYTES = 1024 * 1024
_KEPT_BLOCKS = 8
_KEPT_STREAMED_BLOCKS = 3
# A store may hash a large object before its first byte.
_STREAMED_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """Where a child process finds an object, and how it knows that it is the right one."""

    key: str
    url: str
    size_bytes: int
    sha256: str


class RangedObject(io.RawIOBase):
    """Reads `url` by ranges, block by block, and keeps the blocks used last.

    Raises `ObjectStoreError` when a range cannot be had.
    """

    def __init__(
        self,
        url: str,
        size_bytes: int,
        timeout_s: float = 10,
        *,
        block_bytes: int = BLOCK_BYTES,
        kept_blocks: int = _KEPT_BLOCKS,
    ) -> None:
        super().__init__()
        self._ranges = _Download(url, timeout_s)
        self._size_bytes = size_bytes
        self._block_bytes = block_bytes
        self._kept_blocks = kept_blocks
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
        """Fill `buffer` from as many blocks as it takes; less only at the end."""
        filled = 0
        while filled < len(buffer) and self._position < self._size_bytes:
            index, offset = divmod(self._position, self._block_bytes)
            piece = memoryview(self._block(index))[offset : offset + len(buffer) - filled]
            buffer[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._position += len(piece)
        return filled

    def close(self) -> None:
        """Close the connection."""
        self._ranges.close()
        super().close()

    def _block(self, index: int) -> bytes:
        if index not in self._blocks:
            block = self._fetch(index)
            if len(self._blocks) >= self._kept_blocks:
                self._blocks.pop(self._least_wanted())
            self._blocks[index] = block
        return self._blocks[index]

    def _least_wanted(self) -> int:
        return next(iter(self._blocks))

    def _fetch(self, index: int) -> bytes:
        first, length = self._span(index)
        return self._ranges.read(first, length, first + length)

    def _span(self, index: int) -> tuple[int, int]:
        first = index * self._block_bytes
        return first, min(self._block_bytes, self._size_bytes - first)


class StreamedObject(RangedObject):
    """Reads a whole object as one answer, and hashes it, in order; what is wanted from elsewhere comes as a range.

    The system's buffers hold what arrives while a decoder works. A thread that fetched ahead would wait for the
    interpreter at every piece; the one that hashes waits once a block.
    """

    def __init__(self, remote: RemoteObject, *, block_bytes: int = STREAMED_BLOCK_BYTES) -> None:
        super().__init__(
            remote.url,
            remote.size_bytes,
            _STREAMED_TIMEOUT_S,
            block_bytes=block_bytes,
            kept_blocks=_KEPT_STREAMED_BLOCKS,
        )
        self._remote = remote
        self._whole = _Download(remote.url, _STREAMED_TIMEOUT_S)
        self._digest = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="streamed-object")
        self._hashing: Future[None] | None = None
        # All blocks before this one are hashed, or about to be.
        self._next = 0

    def finish(self) -> None:
        """Read what nobody has read; raise `ObjectCorruptError` when this is not the object that was meant."""
        while self._next * self._block_bytes < self._size_bytes:
            self._block(self._next)
        if self._thread.submit(self._digest.hexdigest).result() != self._remote.sha256:
            raise ObjectCorruptError(self._remote.key)

    def close(self) -> None:
        """Close both connections."""
        self._thread.shutdown()
        self._whole.close()
        super().close()

    def _block(self, index: int) -> bytes:
        block = super()._block(index)
        while self._next in self._blocks:
            self._hash(self._blocks[self._next])
            self._next += 1
        return block

    def _hash(self, block: bytes) -> None:
        # One block at most waits for the thread.
        if self._hashing is not None:
            self._hashing.result()
        self._hashing = self._thread.submit(self._digest.update, block)

    def _least_wanted(self) -> int:
        # What a decoder saw of the end while it opened is not fetched again to be hashed.
        return next((index for index in self._blocks if index < self._next), super()._least_wanted())

    def _fetch(self, index: int) -> bytes:
        if index != self._next:
            return super()._fetch(index)
        first, length = self._span(index)
        return self._whole.read(first, length, self._size_bytes)


class _Download:
    """One connection, and the answer on it that has not been read to its end."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(parts.netloc, timeout=timeout_s)
        self._connection._create_connection = dial  # type: ignore[attr-defined]  # noqa: SLF001 (its only seam)
        self._target = f"{parts.path}?{parts.query}"
        self._answer: http.client.HTTPResponse | None = None
        self._position = 0

    def read(self, first: int, length: int, end: int) -> bytes:
        """Return `length` bytes from `first`, asking for all up to `end` unless they are on their way."""
        try:
            return self._read(first, length, end)
        except (OSError, http.client.HTTPException):
            # Servers close connections that were kept, or that were slow: what is missing is asked for once more.
            self.close()
        try:
            return self._read(first, length, end)
        except (OSError, http.client.HTTPException) as error:
            raise ObjectStoreError("GetObject", "range", repr(error)) from error

    def close(self) -> None:
        self._answer = None
        self._connection.close()

    def _read(self, first: int, length: int, end: int) -> bytes:
        if self._answer is None or self._position != first:
            self._answer = self._asked(first, end)
        body = self._answer.read(length)
        if len(body) < length:
            raise http.client.IncompleteRead(body, length - len(body))
        self._position = first + length
        if self._position == end:
            self._answer = None
        return body

    def _asked(self, first: int, end: int) -> http.client.HTTPResponse:
        if self._answer is not None:
            self.close()
        self._connection.request("GET", self._target, headers={"Range": f"bytes={first}-{end - 1}"})
        answer = self._connection.getresponse()
        # A range that is the whole object may be answered as such.
        if answer.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT) or answer.length != end - first:
            self.close()
            raise ObjectStoreError("GetObject", "range", f"status {answer.status}, {answer.length} bytes")
        return answer


@contextmanager
def opened_source(source: Path | RemoteObject) -> Iterator[Path | BinaryIO]:
    """Give what a decoder opens: the path as it is, or a remote object, to be read once and whole.

    Raises `ObjectCorruptError` when that is not what was uploaded, instead of what is wrong with its content.
    """
    if isinstance(source, Path):
        yield source
        return
    with StreamedObject(source) as stream:
        try:
            yield cast("BinaryIO", stream)
        except UnprocessableError:
            stream.finish()
            raise
        stream.finish()
