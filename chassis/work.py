"""One task from claim to announcement: every step may die, the next run finishes, a late result counts for nothing."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, Protocol, TypeVar

import structlog

from contracts.documents import OutboxEntry
from contracts.envelope import envelop, event_id
from contracts.events import Event, TaskFailed, TaskProgressed
from contracts.vocabulary import Fault, State

from .departure import begun
from .errors import (
    UnprocessableError,
    WorkCancelledError,
)
from .faults import fault_of, poison
from .guard import Dependency
from .metrics import TASK_SECONDS, TASKS_RUNNING, observe
from .outages import is_spared
from .outbox import outbox_entry
from .scratch import scratch_folder, wait_for_room
from .task_figures import describe, note_outcome, note_shown
from .tasks import Claim
from .workbench import Equipment, Workbench

log = structlog.get_logger()

E = TypeVar("E", bound=Event)
E_contra = TypeVar("E_contra", bound=Event, contravariant=True)

MAX_ATTEMPTS = 4


@dataclass(frozen=True)
class Outcome:
    """How a task ended: what its document says, the event that announces it, and what an upload can be read by now."""

    state: State
    fields: Mapping[str, Any]
    event: Event
    shown: tuple[str, ...] = ()


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
        # Whoever waits here has not begun: when the process leaves, the message goes back at once.
        await wait_for_room(self._equipment.disk_watermark)
        await self._equipment.gate.passed(Dependency.MONGODB, Dependency.S3)
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
                try:
                    outcome = await self._outcome(event, claim, announced_at)
                    # What took long to compute waits here rather than being computed again.
                    await self._equipment.gate.passed(Dependency.MONGODB)
                    await self._finalize(event, claim, outcome)
                except Exception as error:
                    await self._spare(claim, error)
                    raise
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
            if is_spared(error, claim.outages):
                raise
            if claim.attempts < MAX_ATTEMPTS:
                await self._equipment.tasks.release(claim)
                raise
            log.exception("task_given_up", attempts=claim.attempts)
            return self._failure(event, claim, poison(claim.attempts, error))

    async def _spare(self, claim: Claim, error: Exception) -> None:
        if is_spared(error, claim.outages):
            await self._equipment.gate.passed(Dependency.MONGODB)
            await self._equipment.tasks.give_back(claim)

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
