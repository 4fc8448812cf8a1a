"""How a process leaves: it takes nothing new, gives back what it has not begun, and ends the rest within its grace."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass


class GivenBackError(Exception):
    """The process leaves before it could end this; somebody else shall have it. Never seen by a handler."""


@dataclass(eq=False)
class _Stay:
    bound: asyncio.Timeout
    has_begun: bool = False


_own_stay: ContextVar[_Stay | None] = ContextVar("own_stay", default=None)


class Departure:
    """Everything that must end before this process does."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._leaving = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._stays: set[_Stay] = set()

    @property
    def is_leaving(self) -> bool:
        """Tell whether nothing new is to be begun."""
        return self._leaving.is_set()

    def leave(self) -> None:
        """Interrupt at once what has not begun, and what has when the grace is over."""
        if self.is_leaving:
            return
        self._leaving.set()
        self._interrupt(lambda stay: self._grace_s if stay.has_begun else 0)

    def hurry(self) -> None:
        """Interrupt everything now."""
        self.leave()
        self._interrupt(lambda _: 0)

    async def wanted(self) -> None:
        """Return when the process is to leave."""
        await self._leaving.wait()

    async def over(self) -> None:
        """Return when nothing is left here."""
        await self._is_empty.wait()

    @asynccontextmanager
    async def stay(self) -> AsyncIterator[None]:
        """Do something that must end, or be given back, before the process leaves.

        Raises `GivenBackError` when it was interrupted for that.
        """
        if self.is_leaving:
            raise GivenBackError
        bound = asyncio.timeout(None)
        stay = _Stay(bound)
        self._note(stay)
        token = _own_stay.set(stay)
        try:
            async with bound:
                yield
        except TimeoutError as error:
            if not bound.expired():
                raise
            raise GivenBackError from error
        finally:
            _own_stay.reset(token)
            self._forget(stay)

    def _note(self, stay: _Stay) -> None:
        self._stays.add(stay)
        self._is_empty.clear()

    def _forget(self, stay: _Stay) -> None:
        self._stays.discard(stay)
        if not self._stays:
            self._is_empty.set()

    def _interrupt(self, left_s: Callable[[_Stay], float]) -> None:
        now_s = asyncio.get_running_loop().time()
        for stay in self._stays:
            if not stay.bound.expired():
                stay.bound.reschedule(now_s + left_s(stay))


async def begun() -> None:
    """Say that what this stay is about has begun, and is worth the process's grace; never returns once it is late."""
    stay = _own_stay.get()
    if stay is None:
        return
    if stay.bound.when() is not None:
        # Interrupted, and about to hear of it: nothing may be half done then.
        await asyncio.get_running_loop().create_future()
    stay.has_begun = True
