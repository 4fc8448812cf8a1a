"""Seconds spent in the parts of a job."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """Adds up the seconds spent in each part."""

    def __init__(self) -> None:
        """Start with nothing spent."""
        self.spent_s: dict[str, float] = {}

    @contextmanager
    def time(self, part: str) -> Iterator[None]:
        """Count the time inside the block, also when it raises."""
        started = perf_counter()
        try:
            yield
        finally:
            self.spent_s[part] = self.spent_s.get(part, 0.0) + perf_counter() - started
