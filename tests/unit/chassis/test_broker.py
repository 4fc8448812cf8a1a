"""What a broker of ours leaves behind when it is not to be had: nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest
from aio_pika import RobustConnection
from faststream.rabbit import RabbitBroker

from chassis.broker import create_broker
from chassis.settings import ServiceSettings
from tests.listening import stop_listening


async def test_a_broker_that_is_given_up_while_it_connects_leaves_nothing_running() -> None:
    async with _silent_server() as (port, asked):
        before = asyncio.all_tasks()
        connecting = asyncio.create_task(_broker(port).connect())
        await asked.wait()
        connecting.cancel()
        with suppress(asyncio.CancelledError):
            await connecting

        assert asyncio.all_tasks() - before <= _of_server()


async def test_a_broker_whose_consumers_cannot_be_stopped_closes_its_connection() -> None:
    broker = _broker(1)
    connection = _Closing()
    broker._connection = connection  # type: ignore[assignment]  # what stands in for it counts how often it is closed

    with _unstoppable(broker), pytest.raises(ExceptionGroup):
        await broker.stop()

    assert connection.times_closed == 1


class _Closing(RobustConnection):
    def __init__(self) -> None:
        self.times_closed = 0

    async def close(self, exc: object = None) -> None:  # type: ignore[override]  # aio-pika's says more
        self.times_closed += 1


@contextmanager
def _unstoppable(broker: RabbitBroker) -> Iterator[None]:
    @broker.subscriber("any")
    async def take(message: str) -> None: ...

    async def refuse() -> None:
        raise ConnectionError

    [subscriber] = broker.subscribers
    subscriber.stop = refuse  # type: ignore[method-assign]
    yield


@asynccontextmanager
async def _silent_server() -> AsyncIterator[tuple[int, asyncio.Event]]:
    asked = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        await stop_listening(server)


def _of_server() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if "say_nothing" in repr(task.get_coro())}


def _broker(port: int) -> RabbitBroker:
    where = {"AMQP_URL": f"amqp://guest:guest@127.0.0.1:{port}/", "MONGODB_URL": "mongodb://nowhere"}
    keys = {"S3_ACCESS_KEY_ID": "nobody", "S3_SECRET_ACCESS_KEY": "nothing"}
    return create_broker(ServiceSettings.model_validate(where | keys))
