"""Work is done as its recording's document says: not once deleted or cancelled, anew when retried, never contradicted.

The fake and the real store of claims do it alike.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from chassis.errors import ContradictedEventError, RecordingDeletedError, WorkCancelledError
from chassis.tasks import Claim
from contracts.interventions import Interventions
from contracts.vocabulary import State

from .claiming import ENTRY, FACTS, SHORT_S, TASK, AnyTasks, Office, claimed
from .stored import NOON


async def test_work_on_a_deleted_recording_stops_and_is_free_for_when_it_is_restored(office: Office) -> None:
    tasks = office.open_store(SHORT_S)
    claim = await claimed(tasks)

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
    claim = await claimed(tasks)

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

    claim = await claimed(tasks)

    assert claim.is_cancelled


async def test_work_that_was_wanted_after_the_cancellation_goes_on(office: Office, tasks: AnyTasks) -> None:
    await office.intervene(Interventions(cancelled_at=NOON - timedelta(seconds=1)))

    claim = await claimed(tasks)

    assert not claim.is_cancelled


@pytest.mark.parametrize("state", [State.FAILED, State.PARTIAL])
async def test_what_failed_begins_anew_with_attempts_of_its_own_when_it_is_retried(
    office: Office, tasks: AnyTasks, state: State
) -> None:
    claim = await claimed(tasks)
    await tasks.finalize(claim, state=state, fields={}, outbox=ENTRY)
    await office.intervene(Interventions(retried_at=datetime.now(UTC) + timedelta(seconds=1)))

    again = await claimed(tasks)

    assert again == Claim(TASK, fence=2, attempts=1, run=2, announced_at=NOON)
    assert not await tasks.finalize(claim, state=State.FAILED, fields={}, outbox=ENTRY)


async def test_a_retry_leaves_what_went_well_alone(office: Office, tasks: AnyTasks) -> None:
    claim = await claimed(tasks)
    await tasks.finalize(claim, state=State.COMPLETED, fields={}, outbox=ENTRY)
    await office.intervene(Interventions(retried_at=datetime.now(UTC) + timedelta(seconds=1)))

    assert await tasks.claim(TASK, FACTS) is None


async def test_a_retry_is_of_what_failed_before_it(office: Office, tasks: AnyTasks) -> None:
    await office.intervene(Interventions(retried_at=NOON))
    claim = await claimed(tasks)
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
    await tasks.finalize(await claimed(tasks), state=State.COMPLETED, fields={}, outbox=ENTRY)

    assert await tasks.claim(TASK, FACTS, told={"project_id": "theirs"}) is None
