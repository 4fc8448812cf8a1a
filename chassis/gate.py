"""Where a message waits while a server is down that its work needs."""

import asyncio
from collections.abc import Mapping

from .errors import TransientError
from .guard import Dependency, Guard


class WaitedEnoughError(TransientError):
    """A server is still down: the message goes back to the broker, and comes again."""

    code = "waited_enough"
    is_outage = True

    def __init__(self, dependency: str) -> None:
        super().__init__(dependency)

    def __str__(self) -> str:
        return f"A server that this work needs is down still: {self.args[0]}."


class Gate:
    """Lets pass who needs what is up, and holds the others.

    hold_s  how long one message waits at once: RabbitMQ takes it away, and the connection's other messages, from a
            consumer that says nothing about it for half an hour
    """

    def __init__(self, guards: Mapping[Dependency, Guard], hold_s: float) -> None:
        self._guards = guards
        self._hold_s = hold_s
        self._shut = asyncio.Event()

    async def passed(self, *needs: Dependency) -> None:
        """Return when all that is needed is up. Raises `WaitedEnoughError` when that takes too long."""
        for dependency in needs:
            await self._passed(self._guards[dependency])

    def shut(self) -> None:
        """Have nobody wait any longer: this process is on its way out."""
        self._shut.set()

    async def _passed(self, guard: Guard) -> None:
        if guard.is_usable:
            return
        waiting = [asyncio.ensure_future(each) for each in (guard.usable(), self._shut.wait())]
        try:
            await asyncio.wait(waiting, timeout=self._hold_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        if not guard.is_usable:
            raise WaitedEnoughError(guard.dependency)
