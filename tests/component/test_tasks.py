import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.documents import Database
from chassis.errors import ContradictedEventError, LeaseHeldError, RecordingDeletedError, WorkCancelledError
from chassis.tasks import Claim, TaskStore
from contracts.documents import RECORDINGS, OutboxEntry
from contracts.interventions import Interventions
from contracts.vocabulary import State
from tests.fakes import FakeTasks

from .polling import eventually

TASK = "recording/parameters"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FACTS = {"recording_id": "recording", "project_id": "default", "announced_at": NOON}
ENTRY = OutboxEntry(event_id="event-1", routing_key="key", headers={}, body="{}")
SHORT_S = 0.3
FIRST = Claim("recording/parameters", fence=1, attempts=1, announced_at=NOON)

AnyTasks = TaskStore | FakeTasks


@dataclass(frozen=True)
class Office:
    """Stores over the same documents, and a look at those."""

    open_store: Callable[[float], AnyTasks]
    document: Callable[[], Awaitable[dict[str, Any]]]
    delete_recording: Callable[[], Awaitable[None]]
    restore_recording: Callable[[], Awaitable[None]]
    intervene: Callable[[Interventions], Awaitable[None]]
    add_recording: Callable[[dict[str, str]], Awaitable[None]]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.servers)])
def office(request: pytest.FixtureRequest) -> Office:
    """The fake and the real thing: what is asserted of one holds for the other."""
    return _fake() if request.param == "fake" else _real(request.getfixturevalue("database"))


@pytest.fixture
def tasks(office: Office) -> AnyTasks:
    """A store whose leases outlive the test."""
    return office.open_store(60)


async def test_a_claim_is_counted_before_any_work(office: Office, tasks: AnyTasks) -> None:
    claim = await tasks.claim(TASK, FACTS)

    document = await office.document()
    assert claim == Claim(TASK, fence=1, attempts=1, announced_at=NOON)
    assert (document["state"], document["attempts"], document["fence"]) == (State.PROCESSING, 1, 1)
    assert document["project_id"] == "default"


async def test_a_claimed_task_is_refused_to_others(office: Office, tasks: AnyTasks) -> None:
    await tasks.claim(TASK, FACTS)

    with pytest.raises(LeaseHeldError):
        await office.open_store(60).claim(TASK, FACTS)

    assert (await office.document())["attempts"] == 1


async def test_of_many_at_once_one_gets_the_task(office: Office) -> None:
    claims = [office.open_store(60).claim(TASK, FACTS) for _ in range(8)]

    results = await asyncio.gather(*claims, return_exceptions=True)

    assert [result for result in results if not isinstance(result, LeaseHeldError)] == [
        Claim(TASK, 1, 1, announced_at=NOON)
    ]


async def test_the_newest_result_is_that_of_the_task_that_ended_last(office: Office, tasks: AnyTasks) -> None:
    facts = {"recording_id": "recording"}
    assert await tasks.newest("recording", having="manifest_key") is None

    for name, key in (("recording/one", "first"), ("recording/two", "second"), ("recording/three", None)):
        claim = await tasks.claim(name, facts)
        assert claim is not None
        await tasks.finalize(claim, state=State.COMPLETED, fields={"manifest_key": key}, outbox=ENTRY)
    await tasks.claim("recording/four", facts)

    found = await tasks.newest("recording", having="manifest_key")
    assert found is not None
    assert found["manifest_key"] == "second"
    assert await tasks.newest("another", having="manifest_key") is None


async def test_a_later_claim_does_not_change_what_the_task_is(office: Office, tasks: AnyTasks) -> None:
    claim = await _claimed(tasks)
    await tasks.release(claim)

    await tasks.claim(TASK, {**FACTS, "project_id": "another"})

    assert (await office.document())["project_id"] == "default"


async def test_a_lease_that_ran_out_lets_another_take_over_with_a_higher_fence(office: Office) -> None:
    dead = await _claimed(office.open_store(SHORT_S))

    taken = await _taken_over(office)

    assert (taken.fence, taken.attempts) == (dead.fence + 1, 2)


async def test_a_zombies_result_does_nothing(office: Office) -> None:
    zombie = office.open_store(SHORT_S)
    dead = await _claimed(zombie)
    await _taken_over(office)

    finished = await zombie.finalize(dead, state=State.COMPLETED, fields={"result": "late"}, outbox=ENTRY)

    document = await office.document()
    assert not finished
    assert (document["state"], document["outbox"]) == (State.PROCESSING, [])
    assert "result" not in document


async def test_a_zombie_cannot_release_or_give_back_what_another_has(office: Office) -> None:
    zombie = office.open_store(SHORT_S)
    dead = await _claimed(zombie)
    await _taken_over(office)

    await zombie.release(dead)
    await zombie.give_back(dead)
    with pytest.raises(asyncio.CancelledError):
        await _cancelled_while_leased(zombie, dead)

    document = await office.document()
    assert (document["state"], document["attempts"]) == (State.PROCESSING, 2)


async def test_the_result_and_its_event_are_one_write(office: Office, tasks: AnyTasks) -> None:
    claim = await _claimed(tasks)
    before = datetime.now(UTC)

    finished = await tasks.finalize(claim, state=State.COMPLETED, fields={"result": "done"}, outbox=ENTRY)

    document = await office.document()
    assert finished
    assert (document["state"], document["result"], document["lease_until"]) == (State.COMPLETED, "done", None)
    assert [entry["event_id"] for entry in document["outbox"]] == ["event-1"]
    assert abs((document["completed_at"] - before).total_seconds()) < 60


async def test_what_is_known_before_the_end_is_announced_in_one_write_and_the_task_goes_on(
    office: Office, tasks: AnyTasks
) -> None:
    claim = await _claimed(tasks)

    amended = await tasks.amend(claim, fields={"sketch": "rough"}, outbox=ENTRY)

    document = await office.document()
    assert amended
    assert (document["state"], document["sketch"]) == (State.PROCESSING, "rough")
    assert [entry["event_id"] for entry in document["outbox"]] == ["event-1"]
    assert await tasks.finalize(claim, state=State.COMPLETED, fields={}, outbox=ENTRY)


async def test_a_zombie_has_nothing_to_add(office: Office) -> None:
    zombie = office.open_store(SHORT_S)
    dead = await _claimed(zombie)
    await _taken_over(office)

    amended = await zombie.amend(dead, fields={"sketch": "late"}, outbox=ENTRY)

    document = await office.document()
    assert not amended
    assert document["outbox"] == []
    assert "sketch" not in document


async def test_nothing_is_added_to_a_task_that_has_ended(office: Office, tasks: AnyTasks) -> None:
    claim = await _claimed(tasks)
    await tasks.finalize(claim, state=State.COMPLETED, fields={}, outbox=ENTRY)

    amended = await tasks.amend(claim, fields={"sketch": "late"}, outbox=ENTRY)

    assert not amended
    assert len((await office.document())["outbox"]) == 1


async def test_a_task_ends_once(office: Office, tasks: AnyTasks) -> None:
    claim = await _claimed(tasks)
    await tasks.finalize(claim, state=State.COMPLETED, fields={}, outbox=ENTRY)

    again = await tasks.finalize(claim, state=State.FAILED, fields={}, outbox=ENTRY)

    document = await office.document()
    assert not again
    assert (document["state"], len(document["outbox"])) == (State.COMPLETED, 1)


@pytest.mark.parametrize("state", [State.COMPLETED, State.PARTIAL, State.FAILED])
async def test_a_task_that_has_ended_is_not_claimed_again(office: Office, tasks: AnyTasks, state: State) -> None:
    claim = await _claimed(tasks)
    await tasks.finalize(claim, state=state, fields={}, outbox=ENTRY)

    assert await tasks.claim(TASK, FACTS) is None
    assert (await office.document())["attempts"] == 1


async def test_a_released_task_is_free_at_once_and_its_attempt_stays_counted(office: Office, tasks: AnyTasks) -> None:
    await tasks.release(await _claimed(tasks))

    document = await office.document()
    assert (document["state"], document["attempts"]) == (State.QUEUED, 1)
    assert await office.open_store(60).claim(TASK, FACTS) == Claim(TASK, fence=2, attempts=2, announced_at=NOON)


async def test_a_cancelled_task_is_free_at_once_and_its_attempt_is_not_counted(office: Office, tasks: AnyTasks) -> None:
    claim = await _claimed(tasks)

    with pytest.raises(asyncio.CancelledError):
        await _cancelled_while_leased(tasks, claim)

    document = await office.document()
    assert (document["state"], document["attempts"]) == (State.QUEUED, 0)
    assert await office.open_store(60).claim(TASK, FACTS) == Claim(TASK, fence=2, attempts=1, announced_at=NOON)


async def test_a_task_that_an_outage_ended_is_free_at_once_and_its_attempt_is_not_counted(
    office: Office, tasks: AnyTasks
) -> None:
    await tasks.give_back(await _claimed(tasks))

    again = await _claimed(tasks)

    assert (again.attempts, again.outages, again.fence) == (1, 1, 2)


async def test_a_failed_task_is_not_given_back_by_itself(office: Office, tasks: AnyTasks) -> None:
    claim = await _claimed(tasks)

    with pytest.raises(ZeroDivisionError):
        async with tasks.leased(claim):
            raise ZeroDivisionError

    document = await office.document()
    assert (document["state"], document["attempts"]) == (State.PROCESSING, 1)


async def test_a_lease_that_is_renewed_holds_as_long_as_the_work(office: Office) -> None:
    tasks = office.open_store(SHORT_S)
    claim = await _claimed(tasks)
    runs_out_s = time.monotonic() + 2 * SHORT_S

    async with tasks.leased(claim):

        async def is_past_its_first_lease() -> bool:
            with pytest.raises(LeaseHeldError):
                await office.open_store(60).claim(TASK, FACTS)
            return time.monotonic() > runs_out_s

        await eventually(is_past_its_first_lease)

    assert (await office.document())["fence"] == claim.fence


async def test_work_on_a_deleted_recording_stops_and_is_free_for_when_it_is_restored(office: Office) -> None:
    tasks = office.open_store(SHORT_S)
    claim = await _claimed(tasks)

    async def work() -> None:
        async with tasks.leased(claim):
            await office.delete_recording()
            await asyncio.Event().wait()

    with pytest.raises(RecordingDeletedError):
        await work()

    document = await office.document()
    assert (document["state"], document["attempts"], document["lease_until"]) == (State.QUEUED, 0, None)
    with pytest.raises(RecordingDeletedError):
        await tasks.claim(TASK, FACTS)
    # Who worked on it goes on with something else, and is not taken for cancelled.
    worker = asyncio.current_task()
    assert worker is not None
    assert worker.cancelling() == 0
    await office.restore_recording()
    assert await tasks.claim(TASK, FACTS) == Claim(TASK, 2, 1, announced_at=NOON)


async def test_cancelled_work_stops_and_is_ended_by_who_had_it(office: Office) -> None:
    tasks = office.open_store(SHORT_S)
    claim = await _claimed(tasks)

    async def work() -> None:
        async with tasks.leased(claim):
            await office.intervene(Interventions(cancelled_at=NOON))
            await asyncio.Event().wait()

    with pytest.raises(WorkCancelledError):
        await work()
    ended, again = await tasks.cancel(claim), await tasks.cancel(claim)

    document = await office.document()
    assert (ended, again) == (True, False)
    assert (document["state"], document["lease_until"], document["outbox"]) == (State.CANCELLED, None, [])
    assert await tasks.claim(TASK, FACTS) is None


async def test_work_that_was_cancelled_before_it_began_is_claimed_to_be_ended(office: Office, tasks: AnyTasks) -> None:
    await office.intervene(Interventions(cancelled_at=NOON))

    claim = await _claimed(tasks)

    assert claim.is_cancelled


async def test_work_that_was_wanted_after_the_cancellation_goes_on(office: Office, tasks: AnyTasks) -> None:
    await office.intervene(Interventions(cancelled_at=NOON - timedelta(seconds=1)))

    claim = await _claimed(tasks)

    assert not claim.is_cancelled


@pytest.mark.parametrize("state", [State.FAILED, State.PARTIAL])
async def test_what_failed_begins_anew_with_attempts_of_its_own_when_it_is_retried(
    office: Office, tasks: AnyTasks, state: State
) -> None:
    claim = await _claimed(tasks)
    await tasks.finalize(claim, state=state, fields={}, outbox=ENTRY)
    await office.intervene(Interventions(retried_at=datetime.now(UTC) + timedelta(seconds=1)))

    again = await _claimed(tasks)

    assert again == Claim(TASK, fence=2, attempts=1, run=2, announced_at=NOON)
    assert not await tasks.finalize(claim, state=State.FAILED, fields={}, outbox=ENTRY)


async def test_a_retry_leaves_what_went_well_alone(office: Office, tasks: AnyTasks) -> None:
    claim = await _claimed(tasks)
    await tasks.finalize(claim, state=State.COMPLETED, fields={}, outbox=ENTRY)
    await office.intervene(Interventions(retried_at=datetime.now(UTC) + timedelta(seconds=1)))

    assert await tasks.claim(TASK, FACTS) is None


async def test_a_retry_is_of_what_failed_before_it(office: Office, tasks: AnyTasks) -> None:
    await office.intervene(Interventions(retried_at=NOON))
    claim = await _claimed(tasks)
    await tasks.finalize(claim, state=State.FAILED, fields={}, outbox=ENTRY)

    assert await tasks.claim(TASK, FACTS) is None


async def test_an_event_that_its_recordings_document_does_not_bear_out_claims_nothing(office: Office) -> None:
    await office.add_recording({"project_id": "default", "sha256": "aa"})
    tasks = office.open_store(60)

    for told in ({"project_id": "theirs", "sha256": "aa"}, {"project_id": "default", "sha256": "bb"}):
        with pytest.raises(ContradictedEventError):
            await tasks.claim(TASK, FACTS, told=told)
    with pytest.raises(ContradictedEventError):
        await tasks.claim("another/parameters", FACTS, told={"project_id": "default"})

    assert await tasks.claim(TASK, FACTS, told={"project_id": "default", "sha256": "aa"})


async def test_what_has_ended_is_passed_over_whatever_an_event_says(office: Office) -> None:
    await office.add_recording({"project_id": "default"})
    tasks = office.open_store(60)
    await tasks.finalize(await _claimed(tasks), state=State.COMPLETED, fields={}, outbox=ENTRY)

    assert await tasks.claim(TASK, FACTS, told={"project_id": "theirs"}) is None


def _fake() -> Office:
    documents: dict[str, dict[str, Any]] = {}

    async def document() -> dict[str, Any]:
        return documents[TASK]

    deleted: set[str] = set()

    async def delete_recording() -> None:
        deleted.add("recording")

    async def restore_recording() -> None:
        deleted.clear()

    interventions: dict[str, Interventions] = {}

    async def intervene(done: Interventions) -> None:
        interventions["recording"] = done

    recordings: dict[str, dict[str, Any]] = {}

    async def add_recording(fields: dict[str, str]) -> None:
        recordings["recording"] = fields

    def open_store(lease_s: float) -> FakeTasks:
        return FakeTasks(lease_s, documents, deleted, interventions, recordings)

    return Office(open_store, document, delete_recording, restore_recording, intervene, add_recording)


def _real(database: Database) -> Office:
    collection = database["tasks"]

    async def document() -> dict[str, Any]:
        found = await collection.find_one({"_id": TASK})
        assert found is not None
        return found

    async def delete_recording() -> None:
        await database[RECORDINGS].insert_one({"_id": "recording", "deleted_at": datetime.now(UTC)})

    async def restore_recording() -> None:
        await database[RECORDINGS].update_one({"_id": "recording"}, {"$set": {"deleted_at": None}})

    async def intervene(done: Interventions) -> None:
        said = {"cancelled_at": done.cancelled_at, "retried_at": done.retried_at}
        await database[RECORDINGS].update_one({"_id": "recording"}, {"$set": said}, upsert=True)

    async def add_recording(fields: dict[str, str]) -> None:
        await database[RECORDINGS].insert_one({"_id": "recording", **fields})

    def open_store(lease_s: float) -> TaskStore:
        return TaskStore(collection, lease_s)

    return Office(open_store, document, delete_recording, restore_recording, intervene, add_recording)


async def _claimed(tasks: AnyTasks) -> Claim:
    claim = await tasks.claim(TASK, FACTS)
    assert claim is not None
    return claim


async def _taken_over(office: Office) -> Claim:
    async def claim() -> Claim | None:
        try:
            return await office.open_store(60).claim(TASK, FACTS)
        except LeaseHeldError:
            return None

    taken = await eventually(claim)
    assert taken is not None
    return taken


async def _cancelled_while_leased(tasks: AnyTasks, claim: Claim) -> None:
    async with tasks.leased(claim):
        raise asyncio.CancelledError
