"""The two ways to send operations: `Client` waits for each answer, `AsyncClient` leaves the loop to others."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx

from .credentials import Credentials
from .errors import ClientError, RefusedError
from .live import Listening, LiveEvent
from .operations import Conversation, Operation, Step, check
from .patience import Attempts, Patience

T = TypeVar("T")

# Longer than the heartbeat of a silent stream of events.
_TIMEOUT_S = 60.0
_PARTS_AT_ONCE = 4
_RECONNECT_PAUSE_S = 0.5


class Client:
    """Sends operations and waits; raises `ClientError`. Close it, or use it as a context."""

    def __init__(
        self,
        credentials: Credentials,
        patience: Patience | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credentials = credentials
        self._patience = patience or Patience()
        self._http = httpx.Client(timeout=_TIMEOUT_S, transport=transport)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def send(self, operation: Operation[T], patience: Patience | None = None) -> T:
        """Send an operation until it is answered, or until our patience ends."""
        attempts = Attempts(operation, patience or self._patience)
        while True:
            try:
                response = self._http.send(self._request(operation))
            except httpx.TransportError as error:
                self._sleep(attempts.pause_after_break_s(error))
                continue
            pause_s = attempts.pause_s(response)
            if pause_s is None:
                return operation.answer(response)
            self._sleep(pause_s)

    def run(self, conversation: Conversation[T]) -> T:
        """Lead a conversation to its end, one operation after the other."""
        try:
            step = next(conversation)
            while True:
                step = conversation.send([self.send(operation) for operation in step])
        except StopIteration as end:
            return cast("T", end.value)

    def listen(self, last_id: str | None = None, **filters: str | None) -> Iterator[LiveEvent]:
        """Yield events as they happen, for ever; after a break from where it was. `filters` as of the route."""
        listening = Listening(filters, self._patience, last_id)
        while True:
            try:
                response = self._http.send(self._request(listening.operation()), stream=True)
                try:
                    if not response.is_success:
                        response.read()
                        check(response)
                    for line in response.iter_lines():
                        if (event := listening.read(line)) is not None:
                            yield event
                finally:
                    response.close()
                self._sleep(_RECONNECT_PAUSE_S)
            except (httpx.TransportError, RefusedError) as error:
                self._sleep(listening.pause_after_break_s(error))

    def _request(self, operation: Operation[Any]) -> httpx.Request:
        return _with_timeout(operation.request(self._credentials.url, self._credentials.api_key))


class AsyncClient:
    """The same for asyncio; parts of a recording are sent some at once."""

    def __init__(
        self,
        credentials: Credentials,
        patience: Patience | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._credentials = credentials
        self._patience = patience or Patience()
        self._http = httpx.AsyncClient(timeout=_TIMEOUT_S, transport=transport)
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def send(self, operation: Operation[T], patience: Patience | None = None) -> T:
        """Send an operation until it is answered, or until our patience ends."""
        attempts = Attempts(operation, patience or self._patience)
        while True:
            try:
                response = await self._http.send(self._request(operation))
            except httpx.TransportError as error:
                await self._sleep(attempts.pause_after_break_s(error))
                continue
            pause_s = attempts.pause_s(response)
            if pause_s is None:
                return operation.answer(response)
            await self._sleep(pause_s)

    async def run(self, conversation: Conversation[T]) -> T:
        """Lead a conversation to its end; what it asks for at once is sent some at a time."""
        try:
            step = next(conversation)
            while True:
                step = conversation.send(await self._together(step))
        except StopIteration as end:
            return cast("T", end.value)

    async def listen(self, last_id: str | None = None, **filters: str | None) -> AsyncIterator[LiveEvent]:
        """Yield events as they happen, for ever; after a break from where it was. `filters` as of the route."""
        listening = Listening(filters, self._patience, last_id)
        while True:
            try:
                response = await self._http.send(self._request(listening.operation()), stream=True)
                try:
                    if not response.is_success:
                        await response.aread()
                        check(response)
                    async for line in response.aiter_lines():
                        if (event := listening.read(line)) is not None:
                            yield event
                finally:
                    await response.aclose()
                await self._sleep(_RECONNECT_PAUSE_S)
            except (httpx.TransportError, RefusedError) as error:
                await self._sleep(listening.pause_after_break_s(error))

    async def _together(self, step: Step) -> list[Any]:
        slots = asyncio.Semaphore(_PARTS_AT_ONCE)

        async def in_turn(operation: Operation[Any]) -> Any:  # noqa: ANN401 (operations of many kinds)
            async with slots:
                return await self.send(operation)

        try:
            async with asyncio.TaskGroup() as tasks:
                going = [tasks.create_task(in_turn(operation)) for operation in step]
        except* ClientError as errors:
            first = errors.exceptions[0]
        else:
            return [task.result() for task in going]
        raise first

    def _request(self, operation: Operation[Any]) -> httpx.Request:
        return _with_timeout(operation.request(self._credentials.url, self._credentials.api_key))


def _with_timeout(request: httpx.Request) -> httpx.Request:
    request.extensions["timeout"] = httpx.Timeout(_TIMEOUT_S).as_dict()
    return request
