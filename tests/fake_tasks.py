"""A fake of chassis.tasks.TaskStore: tests/component/test_tasks.py and test_wanted_work.py run over both."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from chassis.errors import (
    ContradictedEventError,
    DawnchorusError,
    LeaseHeldError,
    RecordingDeletedError,
    WorkCancelledError,
)
from chassis.tasks import WATCHED_EVERY_S, Claim
from contracts.documents import OutboxEntry
from contracts.interventions import Interventions
from contracts.vocabulary import State

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
            if any(document.get(name) is not None for name in fields):
                return False
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
