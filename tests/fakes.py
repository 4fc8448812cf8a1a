"""Fakes of the servers and the job pool, each pinned to the real thing by one suite that runs over both.

tests/component/test_tasks.py      FakeTasks      chassis.tasks.TaskStore
tests/component/test_objects.py    FakeObjects    chassis.objects.ObjectStore
tests/component/test_publisher.py  FakePublisher  chassis.broker.Publisher
tests/unit/chassis/test_jobs.py    InlinePool     chassis.jobs.JobPool
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.broker import Publisher
from chassis.errors import (
    BrokerUnavailableError,
    ContradictedEventError,
    DawnchorusError,
    JobTimeoutError,
    LeaseHeldError,
    ObjectMissingError,
    ObjectStoreError,
    RecordingDeletedError,
    WorkCancelledError,
)
from chassis.gate import Gate
from chassis.guard import Dependency, Guard
from chassis.jobs import JobPool
from chassis.objects import READ_BYTES, ObjectStore
from chassis.outbox import OutboxRelay
from chassis.tasks import WATCHED_EVERY_S, Claim, TaskStore
from chassis.workbench import Equipment
from contracts.documents import OutboxEntry
from contracts.interventions import Interventions
from contracts.topology import queues
from contracts.vocabulary import Lane, State
from tests.guarding import guards

T = TypeVar("T")
Document = dict[str, Any]


class FakeTasks:
    """Claims on documents in a dictionary, on this process's clock."""

    def __init__(
        self,
        lease_s: float = 15,
        documents: dict[str, Document] | None = None,
        deleted: set[str] | None = None,
        interventions: dict[str, Interventions] | None = None,
        recordings: dict[str, Document] | None = None,
    ) -> None:
        self.documents: dict[str, Document] = {} if documents is None else documents
        self.deleted: set[str] = set() if deleted is None else deleted
        self.interventions: dict[str, Interventions] = {} if interventions is None else interventions
        # None: whatever is told of a recording is true.
        self.recordings = recordings
        self._lease_s = lease_s

    async def claim(
        self, task_id: str, facts: Mapping[str, Any], *, told: Mapping[str, Any] | None = None
    ) -> Claim | None:
        recording_id = task_id.partition("/")[0]
        for name, value in (told or {}).items() if self.recordings is not None else ():
            if (self.recordings or {}).get(recording_id, {}).get(name) != value:
                if self.documents.get(task_id, {"state": State.QUEUED})["state"] in (State.QUEUED, State.PROCESSING):
                    raise ContradictedEventError(recording_id, name)
                return None
        if recording_id in self.deleted:
            raise RecordingDeletedError(recording_id)
        new = {**facts, "state": State.QUEUED, "attempts": 0, "fence": 0, "runs": 1, "outbox": [], "lease_until": None}
        new["outages"] = 0
        document = self.documents.setdefault(task_id, new)
        done = self.interventions.get(recording_id, Interventions())
        reopened = done.reopens(document["state"], document.get("completed_at"))
        if document["state"] not in (State.QUEUED, State.PROCESSING) and not reopened:
            return None
        if document["lease_until"] is not None and document["lease_until"] > time.monotonic():
            raise LeaseHeldError(task_id)
        counted = {"attempts": 1 if reopened else document["attempts"] + 1, "runs": document["runs"] + reopened}
        document.update(counted, fence=document["fence"] + 1, state=State.PROCESSING, lease_until=self._until())
        document["outages"] = 0 if reopened else document["outages"]
        document["started_at"] = datetime.now(UTC)
        announced_at = facts.get("announced_at")
        is_cancelled = announced_at is not None and done.cancels(announced_at)
        numbers = (document["fence"], document["attempts"], document["runs"])
        return Claim(task_id, *numbers, announced_at, is_cancelled, document["outages"])

    @asynccontextmanager
    async def leased(self, claim: Claim) -> AsyncIterator[None]:
        watch = asyncio.create_task(self._watch(claim, asyncio.current_task()))
        try:
            yield
        except asyncio.CancelledError as error:
            cause = watch.result() if watch.done() else None
            for document in self._held(claim) if not isinstance(cause, WorkCancelledError) else []:
                document.update(state=State.QUEUED, lease_until=None, attempts=document["attempts"] - 1)
            worker = asyncio.current_task()
            if cause is not None and worker is not None:
                worker.uncancel()
                raise cause from error
            raise
        finally:
            watch.cancel()

    async def cancel(self, claim: Claim) -> bool:
        for document in self._held(claim):
            document.update(state=State.CANCELLED, lease_until=None, completed_at=datetime.now(UTC))
            return True
        return False

    async def release(self, claim: Claim) -> None:
        for document in self._held(claim):
            document.update(state=State.QUEUED, lease_until=None)

    async def give_back(self, claim: Claim) -> None:
        for document in self._held(claim):
            counted = {"attempts": document["attempts"] - 1, "outages": document["outages"] + 1}
            document.update(state=State.QUEUED, lease_until=None, **counted)

    async def amend(self, claim: Claim, *, fields: Mapping[str, Any], outbox: OutboxEntry) -> bool:
        for document in self._held(claim):
            document.update(fields)
            document["outbox"].append(outbox.model_dump())
            return True
        return False

    async def finalize(self, claim: Claim, *, state: State, fields: Mapping[str, Any], outbox: OutboxEntry) -> bool:
        for document in self._held(claim):
            document.update(fields, state=state, lease_until=None, completed_at=datetime.now(UTC))
            document["outbox"].append(outbox.model_dump())
            return True
        return False

    async def newest(self, recording_id: str, *, having: str) -> Mapping[str, Any] | None:
        found = [
            document
            for document in self.documents.values()
            if document["recording_id"] == recording_id and document.get(having) and document.get("completed_at")
        ]
        return max(found, key=lambda document: document["completed_at"], default=None)

    async def _watch(self, claim: Claim, worker: "asyncio.Task[Any] | None") -> DawnchorusError | None:
        while True:
            await asyncio.sleep(min(self._lease_s / 3, WATCHED_EVERY_S))
            for document in self._held(claim):
                document["lease_until"] = self._until()
            cause = self._unwanted(claim)
            if worker is not None and cause is not None:
                worker.cancel()
                return cause

    def _unwanted(self, claim: Claim) -> DawnchorusError | None:
        if claim.recording_id in self.deleted:
            return RecordingDeletedError(claim.recording_id)
        done = self.interventions.get(claim.recording_id, Interventions())
        cancelled = claim.announced_at is not None and done.cancels(claim.announced_at)
        return WorkCancelledError(claim.recording_id) if cancelled else None

    def _held(self, claim: Claim) -> list[Document]:
        document = self.documents[claim.task_id]
        held = document["state"] is State.PROCESSING and document["fence"] == claim.fence
        return [document] if held else []

    def _until(self) -> float:
        return time.monotonic() + self._lease_s


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


class SpanRecorder:
    """The spans that this process ended since the test began."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def ended(self, name: str | None = None) -> list[ReadableSpan]:
        """Return the spans that have ended, of one name or all."""
        return [span for span in self._exporter.get_finished_spans() if name in (None, span.name)]


@pytest.fixture(scope="session")
def span_exporter() -> InMemorySpanExporter:
    """A collector in memory; the process has one provider of spans, so there is one for the session."""
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
def spans(span_exporter: InMemorySpanExporter) -> Iterator[SpanRecorder]:
    """What is traced during one test."""
    span_exporter.clear()
    yield SpanRecorder(span_exporter)
    span_exporter.clear()


def _is_bound(exchange: str) -> bool:
    return any(binding.exchange == exchange for queue in queues() for binding in queue.bindings)
