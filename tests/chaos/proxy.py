"""TCP connections that fail as networks do: one loop in a thread of its own, one link per pair of programs."""

import asyncio
import contextlib
import itertools
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from enum import StrEnum
from typing import Any, Self

from tests.listening import stop_listening

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 65_536
SLOWED_BY_S = 0.4
CUT_AFTER_BYTES = 20
COMMAND_TIMEOUT_S = 10.0
_LINGER_NOT = struct.pack("ii", 1, 0)


class Mode(StrEnum):
    """What a link does with its connections.

    pass       nothing
    refuse     nobody listens
    reset      connections end by RST as soon as they carry anything
    blackhole  bytes are held back, as a network does that drops packets; healed, they arrive
    half_open  the server sees its connections end, the client hears nothing until it is healed
    slow       every chunk comes late
    lost       requests arrive, their responses do not: RST instead
    truncated  responses end by RST after a few bytes
    """

    PASS = "pass"  # noqa: S105 (no password)
    REFUSE = "refuse"
    RESET = "reset"
    BLACKHOLE = "blackhole"
    HALF_OPEN = "half_open"
    SLOW = "slow"
    LOST = "lost"
    TRUNCATED = "truncated"


class _CutError(Exception):
    """The link ends this connection."""


class Link:
    """Listens on `port` and passes connections on to the next of `upstreams` that takes them."""

    def __init__(self, port: int, upstreams: Sequence[int]) -> None:
        self.port = port
        self._upstreams = itertools.cycle(upstreams)
        self._count = len(upstreams)
        self._server: asyncio.Server | None = None
        self._mode = Mode.PASS
        self._share = 1.0
        self._changed = asyncio.Condition()
        self._near: set[asyncio.StreamWriter] = set()
        self._far: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, LOOPBACK, self.port)

    async def change(self, mode: Mode, share: float) -> None:
        """Behave so from now on; with `lost` and `truncated`, `share` is how many of the responses it hits."""
        self._mode, self._share = mode, share
        if mode is Mode.REFUSE:
            await self._close()
        else:
            await self.open()
        if mode is Mode.HALF_OPEN:
            _reset(self._far)
        if mode in (Mode.REFUSE, Mode.RESET):
            _reset(self._near)
        async with self._changed:
            self._changed.notify_all()

    async def stop(self) -> None:
        await self._close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _close(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            await stop_listening(server)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with _kept_among(self._near, writer):
                await self._held(Mode.BLACKHOLE)
                await self._cut_after(Mode.HALF_OPEN)
                far_reader, far_writer = await self._upstream()
                with _kept_among(self._far, far_writer):
                    async with asyncio.TaskGroup() as pumps:
                        pumps.create_task(self._pump(reader, far_writer, is_response=False))
                        pumps.create_task(self._pump(far_reader, writer, is_response=True))
        except* (_CutError, OSError):
            pass  # the connection is gone, as it was to be

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_response: bool) -> None:
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                await self._pass(chunk, writer, is_response=is_response)
        except OSError as error:
            await self._cut_after(Mode.HALF_OPEN)
            raise _CutError from error
        await self._held(Mode.BLACKHOLE)
        await self._cut_after(Mode.HALF_OPEN)
        writer.write_eof()

    async def _pass(self, chunk: bytes, writer: asyncio.StreamWriter, *, is_response: bool) -> None:
        await self._held(Mode.BLACKHOLE)
        await self._cut_after(Mode.HALF_OPEN)
        if self._mode is Mode.RESET:
            raise _CutError
        if self._mode is Mode.SLOW:
            await asyncio.sleep(SLOWED_BY_S)
        if is_response and self._mode in (Mode.LOST, Mode.TRUNCATED) and random.random() < self._share:
            await self._cut(chunk, writer)
        writer.write(chunk)
        await writer.drain()

    async def _cut(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        if self._mode is Mode.TRUNCATED:
            writer.write(chunk[: min(CUT_AFTER_BYTES, len(chunk) // 2)])
            await writer.drain()
            # A reset right behind them would take the bytes away before they are read.
            await asyncio.sleep(SLOWED_BY_S / 4)
        raise _CutError

    async def _held(self, mode: Mode) -> bool:
        """Wait while the link is in this mode; return whether it was."""
        was = self._mode is mode
        async with self._changed:
            await self._changed.wait_for(lambda: self._mode is not mode)
        return was

    async def _cut_after(self, mode: Mode) -> None:
        if await self._held(mode):
            raise _CutError

    async def _upstream(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(self._count):
            with contextlib.suppress(ConnectionRefusedError):
                return await asyncio.open_connection(LOOPBACK, next(self._upstreams))
        raise _CutError


class Proxy:
    """All links of one run; its methods are called from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._links: list[Link] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for link in self._links:
            self._do(link.stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def link(self, port: int, *upstreams: int) -> Link:
        """Listen on `port` for those who want any of `upstreams`."""
        link = Link(port, upstreams)
        self._do(link.open)
        self._links.append(link)
        return link

    def change(self, link: Link, mode: Mode, share: float = 1.0) -> None:
        """Have a link fail in one way, or pass everything again."""
        self._do(lambda: link.change(mode, share))

    def _do(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(COMMAND_TIMEOUT_S)


@contextlib.contextmanager
def _kept_among(writers: set[asyncio.StreamWriter], writer: asyncio.StreamWriter) -> Iterator[None]:
    """Keep the connection while the block runs; close it as the block ended: by itself, or cut off."""
    writers.add(writer)
    try:
        yield
    except BaseException:
        _close_abruptly(writer)
        raise
    finally:
        writers.discard(writer)
        writer.close()


def _reset(writers: set[asyncio.StreamWriter]) -> None:
    for writer in list(writers):
        _close_abruptly(writer)


def _close_abruptly(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        connection = writer.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    writer.transport.abort()
