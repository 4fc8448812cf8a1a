"""How late the event loop comes to what is due: what blocks it blocks every request and every heartbeat."""

import asyncio

from .metrics import EVENT_LOOP_LAG

EVERY_S = 0.25


async def watch_loop() -> None:
    """Sleep for ever, and note by how much each sleep was too long."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        EVENT_LOOP_LAG.observe(max(0.0, loop.time() - due))
