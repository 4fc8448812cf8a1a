"""Whose turn it is to have something drawn while waiting: so many at once, and no endless queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.problems import RETRY_AFTER_S, ProblemError


class ReaderSlots:
    """`slots` drawings at once, and `queue` more that wait, first come, first served."""

    def __init__(self, slots: int, queue: int) -> None:
        self._free = asyncio.Semaphore(slots)
        self._places = queue

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it. Raises a problem, 503, where too many wait already."""
        if self._free.locked() and self._places == 0:
            raise _too_many()
        self._places -= 1
        try:
            await self._free.acquire()
        finally:
            self._places += 1
        try:
            yield
        finally:
            self._free.release()


def _too_many() -> ProblemError:
    return ProblemError(
        503,
        "too_many_drawings",
        "Too many readers wait for a drawing at the moment.",
        next_step="Send the request again after the time in Retry-After.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )
