"""The grid of 100 ms steps that silence is measured on."""

STEPS_PER_S = 10


class StepGrid:
    """Cuts a stream of samples at every multiple of 100 ms."""

    def __init__(self, rate_hz: int) -> None:
        """Start at sample zero."""
        self._rate_hz = rate_hz
        self._position = 0
        self._step = 0

    def cut(self, count: int) -> list[tuple[slice, bool]]:
        """Return the pieces of the next `count` samples, and for each whether a step ends with it."""
        pieces = []
        start = 0
        while (stop := self._step_end() - self._position) <= count:
            pieces.append((slice(start, stop), True))
            self._step += 1
            start = stop
        if start < count:
            pieces.append((slice(start, count), False))
        self._position += count
        return pieces

    def _step_end(self) -> int:
        # Counted from zero each time: at 11,025 Hz a step is 1,102.5 samples, and rounding must not add up.
        return (self._step + 1) * self._rate_hz // STEPS_PER_S
