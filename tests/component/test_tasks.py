"""A task is claimed, held and ended by one worker at a time: the fake and the real store do it alike."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from chassis.errors import LeaseHeldError
from chassis.tasks import Claim
from contracts.vocabulary import State

from .claiming import ENTRY, FACTS, SHORT_S, TASK, AnyTasks, Office, claimed, taken_over
from .polling import eventually
from .stored import NOON


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
    claim = await claimed(tasks)
    await tasks.release(claim)

    await tasks.claim(TASK, {**FACTS, "project_id": "another"})

    assert (await office.document())["project_id"] == "default"


async def test_a_lease_that_ran_out_lets_another_take_over_with_a_higher_fence(office: Office) -> None:
    dead = await claimed(office.open_store(SHORT_S))

    taken = await taken_over(office)

    assert (taken.fence, taken.attempts) == (dead.fence + 1, 2)


async def test_a_zombies_result_does_nothing(office: Office) -> None:
    zombie = office.open_store(SHORT_S)
    dead = await claimed(zombie)
    await taken_over(office)

    finished = await zombie.finalize(dead, state=State.COMPLETED, fields={"result": "late"}, outbox=ENTRY)

    document = await office.document()
    assert not finished
    assert (document["state"], document["outbox"]) == (State.PROCESSING, [])
    assert "result" not in document


async def test_a_zombie_cannot_release_or_give_back_what_another_has(office: Office) -> None:
    zombie = office.open_store(SHORT_S)
    dead = await claimed(zombie)
    await taken_over(office)

    await zombie.release(dead)
    await zombie.give_back(dead)
    with pytest.raises(asyncio.CancelledError):
        await _cancelled_while_leased(zombie, dead)

    document = await office.document()
    assert (document["state"], document["attempts"]) == (State.PROCESSING, 2)


async def test_the_result_and_its_event_are_one_write(office: Office, tasks: AnyTasks) -> None:
    claim = await claimed(tasks)
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
    claim = await claimed(tasks)

    amended = await tasks.amend(claim, fields={"sketch": "rough"}, outbox=ENTRY)

    document = await office.document()
    assert amended
    assert (document["state"], document["sketch"]) == (State.PROCESSING, "rough")
    assert [entry["event_id"] for entry in document["outbox"]] == ["event-1"]
    assert await tasks.finalize(claim, state=State.COMPLETED, fields={}, outbox=ENTRY)


async def test_a_zombie_has_nothing_to_add(office: Office) -> None:
    zombie = office.open_store(SHORT_S)
    dead = await claimed(zombie)
    await taken_over(office)

    amended = await zombie.amend(dead, fields={"sketch": "late"}, outbox=ENTRY)

    document = await office.document()
    assert not amended
    assert document["outbox"] == []
    assert "sketch" not in document


async def test_what_an_earlier_attempt_has_announced_is_not_announced_with_another_time(
    office: Office, tasks: AnyTasks
) -> None:
    claim = await claimed(tasks)
    assert await tasks.amend(claim, fields={"sketch": "rough"}, outbox=ENTRY)
    await tasks.release(claim)
    again = await claimed(tasks)

    amended = await tasks.amend(again, fields={"sketch": "rough, too"}, outbox=ENTRY)

    document = await office.document()
    assert not amended
    assert document["sketch"] == "rough"
    assert len(document["outbox"]) == 1


async def test_nothing_is_added_to_a_task_that_has_ended(office: Office, tasks: AnyTasks) -> None:
    claim = await claimed(tasks)
    await tasks.finalize(claim, state=State.COMPLETED, fields={}, outbox=ENTRY)

    amended = await tasks.amend(claim, fields={"sketch": "late"}, outbox=ENTRY)

    assert not amended
    assert len((await office.document())["outbox"]) == 1


async def test_a_task_ends_once(office: Office, tasks: AnyTasks) -> None:
    claim = await claimed(tasks)
    await tasks.finalize(claim, state=State.COMPLETED, fields={}, outbox=ENTRY)

    again = await tasks.finalize(claim, state=State.FAILED, fields={}, outbox=ENTRY)

    document = await office.document()
    assert not again
    assert (document["state"], len(document["outbox"])) == (State.COMPLETED, 1)


@pytest.mark.parametrize("state", [State.COMPLETED, State.PARTIAL, State.FAILED])
async def test_a_task_that_has_ended_is_not_claimed_again(office: Office, tasks: AnyTasks, state: State) -> None:
    claim = await claimed(tasks)
    await tasks.finalize(claim, state=state, fields={}, outbox=ENTRY)

    assert await tasks.claim(TASK, FACTS) is None
    assert (await office.document())["attempts"] == 1


async def test_a_released_task_is_free_at_once_and_its_attempt_stays_counted(office: Office, tasks: AnyTasks) -> None:
    await tasks.release(await claimed(tasks))

    document = await office.document()
    assert (document["state"], document["attempts"]) == (State.QUEUED, 1)
    assert await office.open_store(60).claim(TASK, FACTS) == Claim(TASK, fence=2, attempts=2, announced_at=NOON)


async def test_a_cancelled_task_is_free_at_once_and_its_attempt_is_not_counted(office: Office, tasks: AnyTasks) -> None:
    claim = await claimed(tasks)

    with pytest.raises(asyncio.CancelledError):
        await _cancelled_while_leased(tasks, claim)

    document = await office.document()
    assert (document["state"], document["attempts"]) == (State.QUEUED, 0)
    assert await office.open_store(60).claim(TASK, FACTS) == Claim(TASK, fence=2, attempts=1, announced_at=NOON)


async def test_a_task_that_an_outage_ended_is_free_at_once_and_its_attempt_is_not_counted(
    office: Office, tasks: AnyTasks
) -> None:
    await tasks.give_back(await claimed(tasks))

    again = await claimed(tasks)

    assert (again.attempts, again.outages, again.fence) == (1, 1, 2)


async def test_a_failed_task_is_not_given_back_by_itself(office: Office, tasks: AnyTasks) -> None:
    claim = await claimed(tasks)

    with pytest.raises(ZeroDivisionError):
        async with tasks.leased(claim):
            raise ZeroDivisionError

    document = await office.document()
    assert (document["state"], document["attempts"]) == (State.PROCESSING, 1)


async def test_a_lease_that_is_renewed_holds_as_long_as_the_work(office: Office) -> None:
    tasks = office.open_store(SHORT_S)
    claim = await claimed(tasks)
    runs_out_s = time.monotonic() + 2 * SHORT_S

    async with tasks.leased(claim):

        async def is_past_its_first_lease() -> bool:
            with pytest.raises(LeaseHeldError):
                await office.open_store(60).claim(TASK, FACTS)
            return time.monotonic() > runs_out_s

        await eventually(is_past_its_first_lease)

    assert (await office.document())["fence"] == claim.fence


async def _cancelled_while_leased(tasks: AnyTasks, claim: Claim) -> None:
    async with tasks.leased(claim):
        raise asyncio.CancelledError
