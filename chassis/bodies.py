"""A request's body as a stream that is never kept, and can be refused politely."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.types import ReceiveMessage

from .errors import DawnchorusError
from .problems import ProblemError

DRAIN_TIMEOUT_S = 20.0


class ClientGoneError(DawnchorusError):
    """The client went away before its body was complete."""

    code = "client_gone"


@dataclass(frozen=True)
class Patience:
    """How slow a sender may be.

    silent_s         the longest wait for more
    bytes_per_s_min  the least average, of the time that we wait for them, once we have waited `silent_s` in all
    """

    silent_s: float
    bytes_per_s_min: float


class RequestBody:
    """The bytes of one request, as they come; without `patience`, as slowly as they come."""

    def __init__(self, request: Request[Any, Any, Any], patience: Patience | None = None) -> None:
        self._receive = request.receive
        self._patience = patience
        self._ended = False
        self._received_bytes = 0
        self._waited_s = 0.0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what comes; raise `ClientGoneError` when the client goes first, a 408 when it is too slow."""
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
        except (TimeoutError, ClientGoneError, ProblemError):
            return

    async def _next(self) -> bytes:
        message = await self._awaited()
        if message["type"] != "http.request":
            self._ended = True
            raise ClientGoneError
        self._ended = not message.get("more_body", False)
        self._received_bytes += len(message["body"])
        self._check_pace()
        return message["body"]

    async def _awaited(self) -> ReceiveMessage:
        if self._patience is None:
            return await self._receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._patience.silent_s):
                return await self._receive()
        except TimeoutError as error:
            raise too_slow(f"Nothing came for {self._patience.silent_s:g} s.") from error
        finally:
            # Only our waiting counts: while we are the slow ones, nothing is asked of the sender.
            self._waited_s += time.monotonic() - began

    def _check_pace(self) -> None:
        if self._patience is None or self._waited_s <= self._patience.silent_s:
            return
        if self._received_bytes < self._waited_s * self._patience.bytes_per_s_min:
            raise too_slow(f"Less than {self._patience.bytes_per_s_min:g} bytes came in a second.")


def too_slow(detail: str) -> ProblemError:
    """Return the problem of a sender that is too slow; its connection is closed with the answer."""
    next_step = "Send it again over a better connection."
    return ProblemError(408, "too_slow", detail, next_step=next_step, headers={"Connection": "close"})
