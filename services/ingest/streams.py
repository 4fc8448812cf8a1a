"""An upload while it passes by: counted, hashed, sniffed, and cut off at the limit."""

import hashlib
from collections.abc import AsyncIterator

from audio.errors import EmptyRecordingError, TooLargeError
from audio.sniff import HEAD_BYTES, Container, sniff


class MeteredStream:
    """Yields the bytes of `chunks` once the first of them look like audio.

    Raises `EmptyRecordingError`, `UnsupportedError` or `TooLargeError` as soon as it is known.
    """

    def __init__(self, chunks: AsyncIterator[bytes], limit_bytes: int) -> None:
        self._chunks = chunks
        self._limit_bytes = limit_bytes
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        self.container: Container | None = None

    @property
    def sha256(self) -> str:
        """Return the hash of what has passed so far, in hex."""
        return self._hash.hexdigest()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what passes."""
        head = bytearray()
        async for chunk in self._chunks:
            self._meter(chunk)
            if self.container is not None:
                yield chunk
                continue
            head += chunk
            if len(head) >= HEAD_BYTES:
                self.container = sniff(bytes(head))
                yield bytes(head)
        if self.container is None:
            if not head:
                raise EmptyRecordingError
            self.container = sniff(bytes(head))
            yield bytes(head)

    def _meter(self, chunk: bytes) -> None:
        self.size_bytes += len(chunk)
        if self.size_bytes > self._limit_bytes:
            raise TooLargeError(self._limit_bytes)
        self._hash.update(chunk)


async def nothing_more() -> AsyncIterator[bytes]:
    """Yield nothing: what is stored already does not come as a stream."""
    return
    yield b""
