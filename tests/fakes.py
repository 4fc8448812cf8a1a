"""Fakes of the servers and the job pool, each pinned to the real thing by one suite that runs over both.

tests/component/test_objects.py    FakeObjects    chassis.objects.ObjectStore
tests/component/test_publisher.py  FakePublisher  chassis.broker.Publisher
tests/unit/chassis/test_jobs.py    InlinePool     chassis.jobs.JobPool

The fake of the store of claims is tests/fake_tasks.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from chassis.broker import Publisher
from chassis.errors import BrokerUnavailableError, JobTimeoutError, ObjectMissingError, ObjectStoreError
from chassis.gate import Gate
from chassis.guard import Dependency, Guard
from chassis.jobs import JobPool
from chassis.objects import READ_BYTES, ObjectStore
from chassis.outbox import OutboxRelay
from chassis.tasks import TaskStore
from chassis.workbench import Equipment
from contracts.topology import queues
from contracts.vocabulary import Lane
from tests.fake_tasks import FakeTasks
from tests.guarding import guards

T = TypeVar("T")


class FakeObjects:
    """One bucket in a dictionary."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}

    async def put(self, key: str, body: bytes, content_type: str) -> None:
        self.stored[key] = body

    async def put_all(self, objects: Mapping[str, bytes | Path]) -> None:
        for key, body in objects.items():
            await self.put(key, body.read_bytes() if isinstance(body, Path) else body, "")

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        self.stored[key] = b"".join([chunk async for chunk in chunks])

    async def get(self, key: str) -> bytes:
        if key not in self.stored:
            raise ObjectMissingError("GetObject", key, "no such key")
        return self.stored[key]

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        part = (await self.get(key))[start:end]
        if len(part) != end - start:
            raise ObjectStoreError("GetObject", key, "too short")
        return part

    async def blocks(self, key: str, part: range | None = None) -> AsyncIterator[bytes]:
        body = await self.get(key)
        body = body if part is None else body[part.start : part.stop]
        for start in range(0, len(body), READ_BYTES):
            yield body[start : start + READ_BYTES]

    async def presigned_url(self, key: str, lifetime_s: int) -> str:
        return f"http://nowhere/{key}?expires={lifetime_s}"

    async def delete(self, key: str) -> None:
        self.stored.pop(key, None)


@dataclass(frozen=True)
class Published:
    """One message that a broker took."""

    body: bytes
    exchange: str
    routing_key: str
    headers: Mapping[str, Any]


class FakePublisher:
    """A broker that takes what a durable queue is bound for, and is down as often as it is told."""

    def __init__(self) -> None:
        self.published: list[Published] = []
        self.failures = 0

    async def publish(
        self, body: bytes, *, exchange: str, routing_key: str, headers: Mapping[str, Any], persist: bool = True
    ) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise BrokerUnavailableError("the fake broker is down")
        if persist and not _is_bound(exchange):
            raise BrokerUnavailableError(f"no queue takes {routing_key}")
        self.published.append(Published(body, exchange, routing_key, dict(headers)))

    async def usable(self) -> None:
        return


@dataclass
class InlinePool:
    """Runs jobs here and now, and counts them."""

    jobs: int = 0

    async def run(self, function: Callable[..., T], *arguments: Any, timeout_s: float) -> T:
        await asyncio.sleep(0)
        self.jobs += 1
        try:
            return function(*arguments)
        except TimeoutError as error:
            raise JobTimeoutError(timeout_s) from error


@dataclass
class FakeRelay:
    """Counts how often it was woken."""

    woken: int = 0

    def wake(self) -> None:
        self.woken += 1


@dataclass
class Bench:
    """Everything a worker works with, as fakes."""

    tasks: FakeTasks = field(default_factory=FakeTasks)
    objects: FakeObjects = field(default_factory=FakeObjects)
    pools: dict[Lane, InlinePool] = field(default_factory=lambda: {lane: InlinePool() for lane in Lane})
    publisher: FakePublisher = field(default_factory=FakePublisher)
    relay: FakeRelay = field(default_factory=FakeRelay)
    guards: dict[Dependency, Guard] = field(default_factory=guards)
    hold_s: float = 60

    def equipment(self, source: str = "spectrogram") -> Equipment:
        """Return the fakes where the real things are asked for; they have the same methods, not the same class."""
        return Equipment(
            tasks=cast("TaskStore", self.tasks),
            objects=cast("ObjectStore", self.objects),
            pools=cast("dict[Lane, JobPool]", self.pools),
            publisher=cast("Publisher", self.publisher),
            relay=cast("OutboxRelay", self.relay),
            gate=Gate(self.guards, self.hold_s),
            source=source,
        )


def _is_bound(exchange: str) -> bool:
    return any(binding.exchange == exchange for queue in queues() for binding in queue.bindings)
