import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import uvicorn

from chassis.patience import HEAD_BYTES_MAX, impatient_protocol
from chassis.serve import KEEP_ALIVE_S

HEAD_WITHIN_S = 0.1
DEADLINE_S = 20


def test_a_service_keeps_idle_connections_longer_than_its_clients() -> None:
    kept_by_clients_s = httpx.Limits().keepalive_expiry

    assert kept_by_clients_s is not None
    assert 2 * kept_by_clients_s < KEEP_ALIVE_S


async def test_a_connection_on_which_no_head_comes_is_closed() -> None:
    async with _served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n")

        async with asyncio.timeout(DEADLINE_S):
            assert await reader.read() == b""
        writer.close()


async def test_a_kept_connection_on_which_half_a_head_comes_is_closed() -> None:
    async with _served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await reader.readuntil(b"done")
        writer.write(b"GET / HTTP")

        async with asyncio.timeout(DEADLINE_S):
            assert await reader.read() == b""
        assert answer.startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_request_that_takes_longer_than_a_head_may_is_answered() -> None:
    async with _served(work_s=3 * HEAD_WITHIN_S) as port, httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}")).text == "done"


async def test_a_head_that_is_too_large_is_refused() -> None:
    async with _served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        # A head that comes as a whole is read, however large: it is the waiting for more of one that has a limit.
        writer.write(b"GET / HTTP/1.1\r\nX-Large: " + b"x" * HEAD_BYTES_MAX)

        async with asyncio.timeout(DEADLINE_S):
            assert (await reader.read()).startswith(b"HTTP/1.1 400")
        writer.close()


@asynccontextmanager
async def _served(work_s: float = 0) -> AsyncIterator[int]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(work_s)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})

    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        http=impatient_protocol(HEAD_WITHIN_S),
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
    )
    config.load()
    state = uvicorn.server.ServerState()
    loop = asyncio.get_running_loop()
    protocol = cast("Any", config.http_protocol_class)
    server = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
