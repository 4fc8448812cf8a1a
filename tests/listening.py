"""How a server of asyncio is closed without losing what it has just accepted."""

import asyncio

# What asyncio takes to make a connection of what it accepted, with room.
_ROUNDS = 10


async def stop_listening(server: asyncio.Server) -> None:
    """Accept nothing more, wait until what was accepted has its handler, and close.

    `close` alone, between the two, leaves a socket behind that nobody closes: its transport fails to begin.
    """
    loop = asyncio.get_running_loop()
    for each in server.sockets:
        loop.remove_reader(each.fileno())
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)
    server.close()
