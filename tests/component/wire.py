"""A way to a server that counts what it is asked, and does not answer what it counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_BLOCK_BYTES = 65_536


@dataclass
class Wire:
    """A port of our own that leads to another one.

    counted  what is in every request of the kind that is counted
    cuts     whether the connection ends there, or says nothing any more
    """

    target_port: int
    counted: bytes
    cuts: bool = True
    port: int = 0
    count: int = 0
    connections: "set[asyncio.Task[None]]" = field(default_factory=set)

    def hang_up(self) -> None:
        """End all connections."""
        for task in self.connections:
            task.cancel()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until what is counted comes by."""
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        silent = asyncio.Event()
        answers = asyncio.create_task(_answer(far_reader, writer, silent))
        try:
            await self._ask(reader, far_writer, silent)
        finally:
            answers.cancel()
            await asyncio.wait([answers])
            for each in (writer, far_writer):
                each.close()
                with suppress(OSError, asyncio.CancelledError):
                    await each.wait_closed()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event) -> None:
        while block := await reader.read(_BLOCK_BYTES):
            if found := block.count(self.counted):
                self.count += found
                silent.set()
                if self.cuts:
                    return
            writer.write(block)


@asynccontextmanager
async def wired(wire: Wire) -> AsyncIterator[Wire]:
    """Listen on a free port."""

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire.connections.add(asyncio.create_task(wire.carry(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        wire.hang_up()
        await asyncio.gather(*wire.connections, return_exceptions=True)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event) -> None:
    while block := await reader.read(_BLOCK_BYTES):
        if not silent.is_set():
            writer.write(block)
