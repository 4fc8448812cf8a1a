"""Numbers of a long recording that are needed at its end only: on disk, not in memory."""

import weakref
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_IN_MEMORY_BYTES = 1 << 16
_PIECE_BYTES = 1 << 17

Number = TypeVar("Number", np.float64, np.uint32)


class PutAside(Generic[Number]):
    """Numbers in the order they came: the first 64 KiB in memory, more in a file without a name."""

    def __init__(self, kind: type[Number]) -> None:
        """Start with none."""
        self.count = 0
        self._kind: type[Number] = kind
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed when this is collected
        weakref.finalize(self, self._file.close)

    def add(self, numbers: NDArray[Number]) -> None:
        """Put the next numbers aside, (k,)."""
        self._file.write(numbers.astype(self._kind).tobytes())
        self.count += len(numbers)

    def pieces(self) -> Iterator[NDArray[Number]]:
        """Yield all of them, 128 KiB at a time; nothing is added meanwhile."""
        self._file.seek(0)
        while piece := self._file.read(_PIECE_BYTES):
            yield np.frombuffer(piece, dtype=self._kind)
        # Where the next numbers go.
        self._file.seek(0, 2)
