"""Wait, beside a running event loop, for something observable."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 20.0
_INTERVAL_S = 0.02


async def eventually(found: Callable[[], Awaitable[T]], *, within_s: float = DEADLINE_S) -> T:
    """Return the first true value that `found` gives; fail when there is none in time."""
    deadline_s = time.monotonic() + within_s
    while not (value := await found()):
        assert time.monotonic() < deadline_s, f"did not come true within {within_s:g} s"
        await asyncio.sleep(_INTERVAL_S)
    return value
