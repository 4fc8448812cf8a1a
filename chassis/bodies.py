"""A request's body as a stream that is never kept, and can be refused politely."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request

from .errors import DawnchorusError

DRAIN_TIMEOUT_S = 20.0


class ClientGoneError(DawnchorusError):
    """The client went away before its body was complete."""

    code = "client_gone"


class RequestBody:
    """The bytes of one request, as they come."""

    def __init__(self, request: Request[Any, Any, Any]) -> None:
        self._receive = request.receive
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what comes; raise `ClientGoneError` when the client goes first."""
        while not self._ended:
            chunk = await self._next()
            if chunk:
                yield chunk

    async def drain(self, limit_bytes: int) -> None:
        """Read what is left of a refused body, within bounds, so that its sender hears the answer and not a reset."""
        left = limit_bytes
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                while not self._ended and left > 0:
                    left -= len(await self._next())
        except (TimeoutError, ClientGoneError):
            return

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            self._ended = True
            raise ClientGoneError
        self._ended = not message.get("more_body", False)
        return message["body"]
