"""Run one service: an ASGI server, the operations paths, and a drain on SIGTERM."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import structlog
import uvicorn

from .background import background
from .errors import DawnchorusError
from .health import Health, answer_operations
from .logging import configure_logging
from .loop_lag import watch_loop
from .own_secrets import forget_secrets
from .patience import HEAD_BYTES_MAX, impatient_protocol
from .settings import ServiceSettings
from .tracing import configure_tracing

log = structlog.get_logger()

# Longer than our own clients keep an idle connection (httpx: 5 s): one that closes just when it is used again
# fails a request, and an upload, whose body is gone, cannot be sent again.
KEEP_ALIVE_S = 60
# Who takes nothing for so long is gone; closing the connection would wait for them for ever.
STALLED_S = 60
# Clients have nothing to say over a WebSocket.
WEBSOCKET_MESSAGE_BYTES = 65_536


@dataclass(frozen=True)
class Service:
    """A named ASGI application: its resources live in `lifespan`, its routes, if it has any, in `app`."""

    name: str
    health: Health
    lifespan: Callable[[], AbstractAsyncContextManager[None]]
    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 (the ASGI protocol)
        """Answer operations paths here and leave the rest to `app`."""
        if scope["type"] == "http" and self.health.draining:
            # A client that sent its next request while we close the connection would lose it.
            send = _saying_goodbye(send)
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and _head_bytes(scope) > HEAD_BYTES_MAX:
            # What came in one piece was read: uvicorn bounds no more than the wait for the rest of a head.
            await send({"type": "http.response.start", "status": 431, "headers": [(b"connection", b"close")]})
            await send({"type": "http.response.body", "body": b""})
        elif await answer_operations(scope["path"], self.health, send, accept=_accept(scope)):
            return
        elif self.app is not None:
            await self.app(scope, receive, send)
        else:
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def _live(self, receive: Any, send: Any) -> None:  # noqa: ANN401
        await receive()
        try:
            async with self.lifespan(), background(watch_loop()):
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except BaseException:
            # The server would go on without what it needs; leaving lets the platform start us anew.
            log.exception("service_broke_down")
            signal.raise_signal(signal.SIGTERM)
            raise
        await send({"type": "lifespan.shutdown.complete"})


def _accept(scope: Any) -> str:  # noqa: ANN401 (the ASGI protocol)
    return b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")


def _head_bytes(scope: Any) -> int:  # noqa: ANN401 (the ASGI protocol)
    fields = sum(len(name) + len(value) for name, value in scope["headers"])
    return fields + len(scope["raw_path"]) + len(scope["query_string"])


class _DrainingServer(uvicorn.Server):
    """Leaves in two steps: first it says so, to readiness probes and on every connection, then it takes no more.

    Told to stop once more, it waits for nothing.
    """

    def __init__(self, config: uvicorn.Config, health: Health, notice_s: float) -> None:
        super().__init__(config)
        self._health = health
        self._notice_s = notice_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        loop = asyncio.get_running_loop()
        if self._health.draining:
            self.force_exit = self.should_exit = True
            loop.call_soon_threadsafe(self._health.hurry)
            return
        # At once, and not when the loop gets there: who asks from now on is told.
        self._health.draining = True
        loop.call_soon_threadsafe(self._leave, sig, frame)

    def _leave(self, sig: int, frame: FrameType | None) -> None:
        self._health.leave()
        asyncio.get_running_loop().call_later(self._notice_s, super().handle_exit, sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.force_exit:
            # What is open is closed all the same, and what was taken is given back.
            await self.lifespan.shutdown()


def _saying_goodbye(send: Any) -> Any:  # noqa: ANN401 (the ASGI protocol)
    async def last(message: Any) -> None:  # noqa: ANN401
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return last


def run(create: Callable[[Any], Service], settings: ServiceSettings, name: str) -> None:
    """Run the service that `create` makes until SIGTERM, then drain."""
    configure_logging(name, settings.log_level)
    provider = configure_tracing(name)
    forget_secrets(settings)
    try:
        service = create(settings)
        config = _config(service, settings)
        _DrainingServer(config, service.health, settings.drain_notice_s).run(sockets=[_listening(config)])
    except DawnchorusError as error:
        log.critical("service_failed", code=error.code, sentence=str(error))
        sys.exit(1)
    finally:
        provider.shutdown()


def _config(service: Service, settings: ServiceSettings) -> uvicorn.Config:
    return uvicorn.Config(
        service,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        lifespan="on",
        http=impatient_protocol(settings.head_timeout_s),
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(settings.drain_timeout_s),
        ws_max_size=WEBSOCKET_MESSAGE_BYTES,
    )


def _listening(config: uvicorn.Config) -> socket.socket:
    listening = config.bind_socket()
    # Connections have what the socket has that they came by.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * STALLED_S)
    return listening
