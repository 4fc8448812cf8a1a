"""A byte source that two C libraries read through: what goes wrong in it is kept, not lost in a callback."""

import time
from errno import EINVAL
from typing import BinaryIO

from .errors import NotDecodableError


class GuardedSource:
    """Passes reads and seeks on, and remembers the first error.

    libsndfile's callbacks cannot raise: without this, a storage fault in the middle of
    a recording would look like the recording's end.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.error: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self._source.read(size)
        except Exception as error:  # noqa: BLE001 - whatever it is, `raise_error` raises it again
            self._keep(error)
            return b""

    def readinto(self, buffer: memoryview) -> int:
        # Filled to the brim: libsndfile takes a short read, which raw sources may give, for the end.
        filled = 0
        while filled < len(buffer) and (piece := self.read(len(buffer) - filled)):
            buffer[filled : filled + len(piece)] = piece
            filled += len(piece)
        return filled

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._source.seek(offset, whence)
        except Exception as error:  # noqa: BLE001 - whatever it is, `raise_error` raises it again
            if not _is_nowhere(error):
                self._keep(error)
            return self._source.tell()

    def tell(self) -> int:
        return self._source.tell()

    def raise_error(self) -> None:
        """Raise what went wrong in the source, if anything did."""
        if self.error is not None:
            raise self.error

    def _keep(self, error: Exception) -> None:
        if self.error is None:
            self.error = error


class BoundedEffort:
    """Passes reads and seeks on until the process has computed for too long, and then raises `NotDecodableError`.

    Both libraries read as they parse, so that neither can go on for long without asking.
    """

    def __init__(self, source: BinaryIO, container: str, limit_cpu_s: float) -> None:
        self._source = source
        self._container = container
        self._limit_cpu_s = limit_cpu_s
        self._end_s = time.process_time() + limit_cpu_s

    def read(self, size: int = -1) -> bytes:
        if time.process_time() > self._end_s:
            reason = f"its first samples are not found within {self._limit_cpu_s:g} s of computing"
            raise NotDecodableError(self._container, reason)
        return self._source.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()


def _is_nowhere(error: Exception) -> bool:
    """Say whether a broken header sent its reader to where no file can be, which is no fault of the source."""
    return isinstance(error, ValueError | OverflowError) or (isinstance(error, OSError) and error.errno == EINVAL)
