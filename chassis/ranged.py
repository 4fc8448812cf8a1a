"""A remote object as a seekable file, read over one connection: the few ranges somebody asks for, or all of it."""

import hashlib
import http.client
import io
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from .errors import ObjectCorruptError, ObjectStoreError, UnprocessableError

BLOCK_BYTES = 128 * 1024
STREAMED_BLOCK_BYTES = 4 * 1024 * 1024
_KEPT_BLOCKS = 8
_KEPT_STREAMED_BLOCKS = 3


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
        parts = urlsplit(url)
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(parts.netloc, timeout=timeout_s)
        self._target = f"{parts.path}?{parts.query}"
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
        self._connection.close()
        super().close()

    def _block(self, index: int) -> bytes:
        if index not in self._blocks:
            self._keep(index, self._fetch(index))
        return self._blocks[index]

    def _keep(self, index: int, block: bytes) -> None:
        if len(self._blocks) >= self._kept_blocks:
            self._blocks.pop(next(iter(self._blocks)))
        self._blocks[index] = block

    def _fetch(self, index: int) -> bytes:
        first = index * self._block_bytes
        last = min(first + self._block_bytes, self._size_bytes) - 1
        try:
            self._connection.request("GET", self._target, headers={"Range": f"bytes={first}-{last}"})
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ObjectStoreError("GetObject", "range", repr(error)) from error
        if answer.status not in (200, 206) or len(body) != last - first + 1:
            raise ObjectStoreError("GetObject", "range", f"status {answer.status}, {len(body)} bytes")
        return body


class StreamedObject(RangedObject):
    """Reads a whole object, mostly in order: fetches a block ahead of its reader, and hashes all of them in order.

    One thread fetches and hashes, so that both go on while the reader decodes.
    """

    def __init__(self, remote: RemoteObject, *, block_bytes: int = STREAMED_BLOCK_BYTES) -> None:
        super().__init__(remote.url, remote.size_bytes, block_bytes=block_bytes, kept_blocks=_KEPT_STREAMED_BLOCKS)
        self._remote = remote
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="streamed-object")
        self._digest = hashlib.sha256()
        # All blocks before this one are hashed, or are about to be.
        self._next = 0
        self._ahead: Future[bytes] | None = None
        self._look_ahead()

    def finish(self) -> None:
        """Read what nobody has read; raise `ObjectCorruptError` when this is not the object that was meant."""
        while self._next * self._block_bytes < self._size_bytes:
            self._block(self._next)
        if self._thread.submit(self._digest.hexdigest).result() != self._remote.sha256:
            raise ObjectCorruptError(self._remote.key)

    def close(self) -> None:
        """Close the connection; a block on its way is waited for."""
        self._thread.shutdown(cancel_futures=True)
        super().close()

    def _block(self, index: int) -> bytes:
        if index not in self._blocks:
            self._keep(index, self._fetched(index))
        self._hash_what_follows()
        return self._blocks[index]

    def _fetched(self, index: int) -> bytes:
        if index == self._next and self._ahead is not None:
            return self._ahead.result()
        return self._thread.submit(self._fetch, index).result()

    def _hash_what_follows(self) -> None:
        while self._next in self._blocks:
            self._thread.submit(self._digest.update, self._blocks[self._next])
            self._next += 1
            self._look_ahead()

    def _look_ahead(self) -> None:
        is_there = self._next * self._block_bytes >= self._size_bytes or self._next in self._blocks
        self._ahead = None if is_there else self._thread.submit(self._fetch, self._next)


@contextmanager
def streamed_object(remote: RemoteObject) -> Iterator[StreamedObject]:
    """Open an object to be read once, whole; at the end it is known to be the one that was uploaded.

    Raises `ObjectCorruptError` when it is not, instead of what somebody may have found wrong in its content.
    """
    with StreamedObject(remote) as stream:
        try:
            yield stream
        except UnprocessableError:
            stream.finish()
            raise
        stream.finish()
