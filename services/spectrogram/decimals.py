"""Many integers as text."""

import numpy as np
import numpy.typing as npt

from chassis.compiled import compiled

_COMMA, _MINUS, _ZERO = b",-0"
_LONGEST = len("-32768,")


def decimals(numbers: npt.NDArray[np.int16]) -> bytes:
    """Return (n,) int16 as JSON and CSV write them: in decimal, with commas between."""
    text = np.empty(_LONGEST * len(numbers), dtype=np.uint8)
    return text[: max(0, _write(numbers, text) - 1)].tobytes()


@compiled("int64(int16[::1], uint8[::1])")
def _write(numbers: npt.NDArray[np.int16], text: npt.NDArray[np.uint8]) -> int:
    """Write each number and a comma behind it; return where the text ends."""
    end = 0
    for number in numbers:
        rest = np.int32(number)
        if rest < 0:
            text[end] = _MINUS
            rest, end = -rest, end + 1
        start = end
        end += 1 + int(rest > 9) + int(rest > 99) + int(rest > 999) + int(rest > 9999)
        for place in range(end - 1, start - 1, -1):
            text[place] = _ZERO + rest % 10
            rest //= 10
        text[end] = _COMMA
        end += 1
    return end
