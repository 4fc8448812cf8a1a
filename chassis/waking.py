"""Sleep between two looks for work, which whoever brings work may end."""

import asyncio
from contextlib import suppress


class WakeableSleep:
    """One sleeper: being woken while awake, it does not fall asleep the next time."""

    def __init__(self) -> None:
        """Start awake, with nobody having called."""
        self._called = asyncio.Event()

    def wake(self) -> None:
        """End the sleep, or the next one before it begins."""
        self._called.set()

    async def at_most(self, longest_s: float) -> None:
        """Sleep until woken, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._called.wait()
        self._called.clear()
