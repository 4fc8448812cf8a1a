"""A way to a server that counts what it is asked, and does not answer what it counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.listening import stop_listening

_BLOCK_BYTES = 65_536


@dataclass
class Wire:
    """A port of our own that leads to another one.

    counted    what is in every request of the kind that is counted
    cuts       whether the connection ends there; else nothing is answered any more
    is_silent  that nothing is answered now
    """

    target_port: int
    counted: bytes
    cuts: bool = True
    port: int = 0
    count: int = 0
    is_silent: bool = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until it ends, or what is counted comes by."""
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.close()
            raise
        answers = asyncio.create_task(self._answer(far_reader, writer))
        try:
            await self._ask(reader, far_writer)
        finally:
            answers.cancel()
            for each in (writer, far_writer):
                each.close()
                with suppress(OSError):
                    await each.wait_closed()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(_BLOCK_BYTES):
            if found := block.count(self.counted):
                self.count += found
                self.is_silent = not self.cuts
                if self.cuts:
                    return
            writer.write(block)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(_BLOCK_BYTES):
            if not self.is_silent:
                writer.write(block)


@asynccontextmanager
async def wired(wire: Wire) -> AsyncIterator[Wire]:
    """Listen on a free port, and at the end until everybody has left."""
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.create_task(wire.carry(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        await stop_listening(server)
        while under_way := {each for each in connections if not each.done()}:
            await asyncio.wait(under_way)
        await asyncio.gather(*connections, return_exceptions=True)
