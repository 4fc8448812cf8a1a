"""What an attempt at a task works with: servers, children, a scratch folder, and ways to say how far it is."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import structlog

from contracts.envelope import envelop, to_message
from contracts.events import Event
from contracts.topology import PROGRESS_EXCHANGE
from contracts.vocabulary import Lane, Stage

from .broker import Publisher
from .errors import BrokerUnavailableError, ObjectCorruptError
from .gate import Gate
from .guard import Dependency
from .jobs import JobPool
from .metrics import STAGE_SECONDS, observe
from .objects import ObjectStore
from .outbox import OutboxRelay
from .progress import ProgressFile
from .ranged import STREAMED_FROM_BYTES, RemoteObject
from .tasks import TaskStore
from .tracing import span

log = structlog.get_logger()

T = TypeVar("T")

PROGRESS_POLL_S = 0.25
# A job may be run again, without the extractor that hung it.
_URL_LIFETIMES = 4
# How much of the whole task is done when a stage begins.
_STAGE_STARTS = {Stage.FETCH: 0.0, Stage.COMPUTE: 0.05, Stage.STORE: 0.95}

Report = Callable[[Stage, float], Event]
Amend = Callable[[Mapping[str, Any], Event], Awaitable[bool]]


@dataclass(frozen=True)
class Equipment:
    """What a worker works with."""

    tasks: TaskStore
    objects: ObjectStore
    pools: Mapping[Lane, JobPool]
    publisher: Publisher
    relay: OutboxRelay
    gate: Gate
    source: str
    scratch: Path | None = None
    disk_watermark: float = 1.0


@dataclass
class Workbench:
    """The tools of one attempt: a scratch folder, a stopwatch, and calls that say how far the task is.

    amend  adds fields to the task's document and announces them, in one write, once; False when they came too late
    """

    equipment: Equipment
    scratch: Path
    lane: Lane
    report: Report
    amend: Amend
    timeout_s: float
    timings_s: dict[str, float] = field(default_factory=dict)

    async def source(self, key: str, sha256: str, *, size_bytes: int | None, in_order: bool) -> Path | RemoteObject:
        """Return what a job opens with `opened_source`: a copy in the scratch folder, or the object where it lies.

        size_bytes  None where the event does not say
        in_order    that it is read from start to end, so that a large one need not be copied
        """
        if in_order and size_bytes is not None and size_bytes >= STREAMED_FROM_BYTES:
            url = await self.equipment.objects.presigned_url(key, round(_URL_LIFETIMES * self.timeout_s))
            return RemoteObject(key, url, size_bytes, sha256)
        return await self.fetch(key, sha256)

    async def fetch(self, key: str, sha256: str) -> Path:
        """Copy an object into the scratch folder and check that it is what was uploaded."""
        target = self.scratch / "object"
        with self._stage(Stage.FETCH):
            await self._announce(Stage.FETCH, 0.0)
            digest = hashlib.sha256()
            with target.open("wb") as sink:
                async for block in self.equipment.objects.blocks(key):
                    digest.update(block)
                    sink.write(block)
            if digest.hexdigest() != sha256:
                raise ObjectCorruptError(key)
        return target

    async def compute(self, function: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401
        """Run `function(*arguments, progress)` in a child process and pass its progress on."""
        progress = ProgressFile(self.scratch / "progress")
        with self._stage(Stage.COMPUTE):
            watcher = asyncio.create_task(self._watch(progress))
            try:
                pool = self.equipment.pools[self.lane]
                return await pool.run(function, *arguments, progress, timeout_s=self.timeout_s)
            finally:
                watcher.cancel()

    async def store(self, objects: Mapping[str, bytes | Path]) -> None:
        """Write results, from memory or from files; nothing points to them before the document does."""
        await self.equipment.gate.passed(Dependency.S3)
        with self._stage(Stage.STORE):
            await self._announce(Stage.STORE, 0.0)
            await self.equipment.objects.put_all(objects)

    async def _watch(self, progress: ProgressFile) -> None:
        last = -1.0
        while True:
            share = await asyncio.to_thread(progress.read)
            # A file that is being written reads as empty, which is 0.
            if share > last:
                await self._announce(Stage.COMPUTE, share)
                last = share
            await asyncio.sleep(PROGRESS_POLL_S)

    async def _announce(self, stage: Stage, share: float) -> None:
        start, end = _STAGE_STARTS[stage], {Stage.FETCH: 0.05, Stage.COMPUTE: 0.95, Stage.STORE: 1.0}[stage]
        event = self.report(stage, round(start + (end - start) * share, 4))
        envelope = envelop(event, source=self.equipment.source, id_=f"{event.recording_id}:{time.time_ns()}")
        message = to_message(envelope)
        body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        try:
            await self.equipment.publisher.publish(
                body,
                exchange=PROGRESS_EXCHANGE,
                routing_key=envelope.routing_key,
                headers=message.headers,
                persist=False,
            )
        except BrokerUnavailableError as error:
            # Progress is a courtesy: the task must not fail for it.
            log.debug("progress_not_announced", reason=str(error))

    @contextmanager
    def _stage(self, stage: Stage) -> Iterator[None]:
        started = time.monotonic()
        with span(f"{self.equipment.source} {stage}"):
            yield
        self.timings_s[stage] = round(time.monotonic() - started, 4)
        observe(STAGE_SECONDS.labels(self.equipment.source, self.lane, stage), self.timings_s[stage])
