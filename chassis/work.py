"""One task from claim to announcement: every step may die, the next run finishes, a late result counts for nothing."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

import structlog

from contracts.documents import OutboxEntry
from contracts.envelope import envelop, event_id, to_message
from contracts.events import Event, TaskFailed, TaskProgressed
from contracts.topology import PROGRESS_EXCHANGE
from contracts.vocabulary import Fault, Lane, Stage, State

from .broker import Publisher
from .departure import begun
from .errors import (
    BrokerUnavailableError,
    ObjectCorruptError,
    UnprocessableError,
    WorkCancelledError,
)
from .faults import fault_of, poison
from .jobs import JobPool
from .metrics import STAGE_SECONDS, TASK_SECONDS, TASKS_RUNNING, observe
from .objects import ObjectStore
from .outbox import OutboxRelay, outbox_entry
from .progress import ProgressFile
from .ranged import STREAMED_FROM_BYTES, RemoteObject
from .scratch import scratch_folder
from .task_figures import describe, note_outcome, note_shown
from .tasks import Claim, TaskStore
from .tracing import span

log = structlog.get_logger()

T = TypeVar("T")
E = TypeVar("E", bound=Event)
E_contra = TypeVar("E_contra", bound=Event, contravariant=True)

MAX_ATTEMPTS = 4
PROGRESS_POLL_S = 0.25
# A job may be run again, without the extractor that hung it.
_URL_LIFETIMES = 4
# How much of the whole task is done when a stage begins.
_STAGE_STARTS = {Stage.FETCH: 0.0, Stage.COMPUTE: 0.05, Stage.STORE: 0.95}

Report = Callable[[Stage, float], Event]
Amend = Callable[[Mapping[str, Any], Event], Awaitable[bool]]


@dataclass(frozen=True)
class Outcome:
    """How a task ended: what its document says, the event that announces it, and what an upload can be read by now."""

    state: State
    fields: Mapping[str, Any]
    event: Event
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Equipment:
    """What a worker works with."""

    tasks: TaskStore
    objects: ObjectStore
    pools: Mapping[Lane, JobPool]
    publisher: Publisher
    relay: OutboxRelay
    source: str
    scratch: Path | None = None


@dataclass
class Workbench:
    """The tools of one attempt: a scratch folder, a stopwatch, and calls that say how far the task is.

    amend  adds fields to the task's document and announces them, in one write; False when they came too late
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
            to = {"exchange": PROGRESS_EXCHANGE, "routing_key": envelope.routing_key}
            await self.equipment.publisher.publish(body, **to, headers=message.headers, persist=False)
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


class Work(Protocol[E_contra]):
    """What a service plugs in: how its task is called, done, bounded, and reported as failed."""

    task: Literal["spectrogram", "analysis"]
    failure: type[TaskFailed]
    parameters_id: str
    parameters: dict[str, Any]
    requested: bool

    async def perform(self, event: E_contra, bench: Workbench) -> Outcome:
        """Do the task; safe to run twice."""

    def timeout_s(self, event: E_contra) -> float:
        """Return how long the job may take."""


class Worker(Generic[E]):
    """Carries out one service's tasks."""

    def __init__(self, equipment: Equipment, work: Work[E]) -> None:
        self._equipment = equipment
        self._work = work

    async def carry_out(self, event: E, announced_at: datetime) -> None:
        """Claim, perform, finalize and announce the task that `event` calls for; safe to run twice.

        Raises `RecordingDeletedError` where nobody wants it any more, before it begins or while it goes on.
        """
        await begun()
        facts = self._facts(event, announced_at)
        claim = await self._equipment.tasks.claim(self._task_id(event), facts, told=event.identity())
        if claim is None:
            log.info("task_already_ended", recording_id=event.recording_id)
            return
        describe(event, claim)
        started = time.monotonic()
        try:
            state = State.CANCELLED if claim.is_cancelled else await self._ended(event, claim, announced_at)
        except WorkCancelledError:
            state = State.CANCELLED
        if state is State.CANCELLED:
            await self._equipment.tasks.cancel(claim)
            log.info("task_cancelled", recording_id=event.recording_id)
        observe(TASK_SECONDS.labels(self._equipment.source, event.lane, state), time.monotonic() - started)

    async def _ended(self, event: E, claim: Claim, announced_at: datetime) -> State:
        with TASKS_RUNNING.labels(self._equipment.source).track_inprogress():
            async with self._equipment.tasks.leased(claim):
                outcome = await self._outcome(event, claim, announced_at)
                await self._finalize(event, claim, outcome)
        return outcome.state

    async def _outcome(self, event: E, claim: Claim, announced_at: datetime) -> Outcome:
        if claim.attempts > MAX_ATTEMPTS:
            return self._failure(event, claim, poison(claim.attempts - 1))
        try:
            async with self._bench(event, claim) as bench:
                bench.timings_s["queued"] = round((datetime.now(UTC) - announced_at).total_seconds(), 4)
                return await self._work.perform(event, bench)
        except UnprocessableError as error:
            return self._failure(event, claim, fault_of(error))
        except Exception as error:
            if claim.attempts < MAX_ATTEMPTS:
                await self._equipment.tasks.release(claim)
                raise
            log.exception("task_given_up", attempts=claim.attempts)
            return self._failure(event, claim, poison(claim.attempts, error))

    async def _finalize(self, event: E, claim: Claim, outcome: Outcome) -> None:
        entry = self._entry(outcome.event, claim)
        mine = await self._equipment.tasks.finalize(claim, state=outcome.state, fields=outcome.fields, outbox=entry)
        self._equipment.relay.wake()
        if mine:
            note_outcome(self._equipment.source, event.lane, claim, outcome)
        log.info("task_ended" if mine else "late_result_discarded", state=outcome.state)

    async def _amend(self, claim: Claim, fields: Mapping[str, Any], event: Event) -> bool:
        mine = await self._equipment.tasks.amend(claim, fields=fields, outbox=self._entry(event, claim))
        self._equipment.relay.wake()
        for what in fields if mine else ():
            note_shown(self._equipment.source, event.lane, claim, what)
        return mine

    def _entry(self, event: Event, claim: Claim) -> OutboxEntry:
        id_ = event_id(event, parameters_id=self._work.parameters_id, run=claim.run)
        return outbox_entry(envelop(event, source=self._equipment.source, id_=id_))

    def _failure(self, event: E, claim: Claim, fault: Fault) -> Outcome:
        log.warning("task_failed", recording_id=event.recording_id, **fault.model_dump())
        failed = self._work.failure(
            **event.subject_facts(), parameters_id=self._work.parameters_id, attempts=claim.attempts, error=fault
        )
        return Outcome(State.FAILED, {"error": fault.model_dump()}, failed)

    @asynccontextmanager
    async def _bench(self, event: E, claim: Claim) -> AsyncIterator[Workbench]:
        with scratch_folder(self._equipment.scratch) as scratch:
            yield Workbench(
                self._equipment,
                scratch,
                event.lane,
                lambda stage, share: TaskProgressed(
                    **event.subject_facts(),
                    task=self._work.task,
                    parameters_id=self._work.parameters_id,
                    stage=stage,
                    progress=share,
                ),
                lambda fields, told: self._amend(claim, fields, told),
                self._work.timeout_s(event),
            )

    def _task_id(self, event: E) -> str:
        return f"{event.recording_id}/{self._work.parameters_id}"

    def _facts(self, event: E, announced_at: datetime) -> dict[str, Any]:
        return {
            **event.subject_facts(),
            "announced_at": announced_at,
            "parameters_id": self._work.parameters_id,
            "parameters": self._work.parameters,
            "requested": self._work.requested,
            "created_at": datetime.now(UTC),
        }
