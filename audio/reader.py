"""What both decoding libraries look like to the rest."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from .format import AudioFormat

Block = npt.NDArray[np.int16] | npt.NDArray[np.float32]
INT16_SCALE = 1 / 32768


class CannotOpenError(Exception):
    """This library cannot read the source; another one may."""


class NoLengthError(CannotOpenError):
    """The header claims no samples, or none it can count; there may be some all the same."""


class Reader(Protocol):
    """One open recording; `fault` is why decoding stopped before its end, if it did."""

    format: AudioFormat
    expected_frames: int | None
    scale: float
    fault: str | None

    def read(self, frames: int) -> Block:
        """Return the next `frames` frames, fewer at the end, none after it: (n, channels)."""
        ...

    def seek(self, frame: int) -> int:
        """Go to `frame` or to some frame before it, and return which one `read` gives next."""
        ...

    def close(self) -> None: ...
