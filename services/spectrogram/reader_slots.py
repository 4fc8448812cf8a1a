"""Whose turn it is to have something drawn while waiting: so many at once, and no endless queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.problems import for_now


class ReaderSlots:
    """`slots` drawings at once, and `queue` more that wait, first come, first served."""

    def __init__(self, slots: int, queue: int) -> None:
        self._free = asyncio.Semaphore(slots)
        self._places = queue

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it. Raises a problem, 503, where too many wait already."""
        if self._free.locked() and self._places == 0:
            raise for_now("too_many_drawings", "Too many readers wait for a drawing at the moment.")
        self._places -= 1
        try:
            await self._free.acquire()
        finally:
            self._places += 1
        try:
            yield
        finally:
            self._free.release()
