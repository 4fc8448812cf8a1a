"""Overlapping frames, cut from a stream of samples that arrives block by block."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Stream = NDArray[Any]


class FrameCutter:
    """Cuts frames of `length` samples, one every `hop`; frame `t` starts at sample t·hop - `padding`.

    With a padding of half a length, frames are centred on multiples of the hop and n samples make 1 + n // hop of
    them, the same as librosa's with `center=True, pad_mode="constant"`. With none, they are `center=False`.
    """

    def __init__(self, *, length: int, hop: int, padding: int, dtype: DTypeLike = np.float32) -> None:
        """Start with `padding` zeros before the first sample."""
        self._length = length
        self._hop = hop
        self._padding = padding
        self._pending: Stream = np.zeros(padding, dtype=dtype)

    def push(self, samples: Stream) -> Stream:
        """Return the frames that `samples` complete: (k, length), a view that must not be written to."""
        stream = np.concatenate([self._pending, samples], dtype=self._pending.dtype)
        count = max(0, (len(stream) - self._length) // self._hop + 1)
        self._pending = stream[count * self._hop :]
        if not count:
            return np.empty((0, self._length), dtype=stream.dtype)
        # What `sliding_window_view` would return, in a twentieth of the time: this is called for every block.
        strides = (self._hop * stream.itemsize, stream.itemsize)
        frames: Stream = np.ndarray((count, self._length), stream.dtype, stream, strides=strides)
        frames.flags.writeable = False
        return frames

    def finish(self, *, fill: float = 0) -> Stream:
        """Return the frames that are left when the padding, made of `fill`, follows the last sample."""
        return self.push(np.full(self._padding, fill, dtype=self._pending.dtype))
