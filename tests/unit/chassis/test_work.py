import asyncio
from datetime import UTC, datetime

import pytest

from chassis.errors import LeaseHeldError, RecordingDeletedError, TransientError
from chassis.work import MAX_ATTEMPTS
from chassis.workbench import Workbench
from contracts.envelope import event_id, from_message
from contracts.events import AnalysisFailed
from contracts.interventions import Interventions
from contracts.vocabulary import Fault, State
from tests.fake_tasks import Document, FakeTasks
from tests.fakes import Bench

from .errands import EVENT, NOW, RECORDING, TASK, DeafError, Errand, carry_out, outbox_of, raising


async def test_a_finished_task_is_announced_by_the_document_that_made_it_true(bench: Bench) -> None:
    await carry_out(bench, Errand())

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["result"], document["attempts"]) == (State.COMPLETED, "done", 1)
    assert [entry.routing_key for entry in outbox_of(document)] == ["recording.deleted.v1.interactive"]
    assert bench.relay.woken == 1


async def test_a_new_task_says_whose_it_is_and_how_it_is_done(bench: Bench) -> None:
    await carry_out(bench, Errand())

    document = bench.tasks.documents[TASK]
    assert (document["recording_id"], document["project_id"]) == (RECORDING, "default")
    assert (document["parameters_id"], document["parameters"]) == ("p1", {"shade": "dark"})


async def test_a_redelivery_repeats_the_same_event(bench: Bench) -> None:
    other = Bench()

    await carry_out(bench, Errand())
    await carry_out(other, Errand())

    [first], [second] = outbox_of(bench.tasks.documents[TASK]), outbox_of(other.tasks.documents[TASK])
    assert first.event_id == second.event_id == event_id(EVENT, parameters_id="p1")


async def test_a_task_that_has_ended_is_not_done_again(bench: Bench) -> None:
    await carry_out(bench, Errand())
    again = Errand()

    await carry_out(bench, again)

    assert again.performed == 0
    assert len(outbox_of(bench.tasks.documents[TASK])) == 1


async def test_what_no_retry_helps_against_ends_at_once_with_code_sentence_and_next_step(bench: Bench) -> None:
    await carry_out(bench, Errand(raising(DeafError())))

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["attempts"]) == (State.FAILED, 1)
    assert document["error"] == {"code": "deaf", "sentence": "Nothing can be heard.", "next_step": "Listen."}
    assert _announced_failure(document) == Fault.model_validate(document["error"])


async def test_what_may_go_away_climbs_the_ladder_with_its_attempt_counted(bench: Bench) -> None:
    with pytest.raises(TransientError):
        await carry_out(bench, Errand(raising(TransientError("busy"))))

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["attempts"], document["lease_until"]) == (State.QUEUED, 1, None)
    assert outbox_of(document) == []


async def test_a_defect_of_ours_climbs_the_ladder_too(bench: Bench) -> None:
    with pytest.raises(ZeroDivisionError):
        await carry_out(bench, Errand(raising(ZeroDivisionError())))

    assert bench.tasks.documents[TASK]["state"] is State.QUEUED


async def test_the_next_try_may_succeed(bench: Bench) -> None:
    with pytest.raises(TransientError):
        await carry_out(bench, Errand(raising(TransientError("busy"))))

    await carry_out(bench, Errand())

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["attempts"]) == (State.COMPLETED, 2)


async def test_the_fourth_attempt_is_the_last(bench: Bench) -> None:
    errand = Errand(raising(TransientError("busy")))
    for _ in range(MAX_ATTEMPTS - 1):
        with pytest.raises(TransientError):
            await carry_out(bench, errand)

    await carry_out(bench, errand)

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["attempts"], errand.performed) == (State.FAILED, 4, 4)
    assert document["error"]["code"] == "poison"
    assert "busy" in document["error"]["sentence"]
    assert _announced_failure(document).code == "poison"


async def test_what_killed_four_workers_is_not_tried_a_fifth_time(bench: Bench) -> None:
    # A worker that dies leaves its attempt counted and its lease to run out.
    for _ in range(MAX_ATTEMPTS):
        assert await bench.tasks.claim(TASK, {})
        bench.tasks.documents[TASK]["lease_until"] = None
    errand = Errand()

    await carry_out(bench, errand)

    document = bench.tasks.documents[TASK]
    assert (document["state"], errand.performed) == (State.FAILED, 0)
    assert document["error"]["sentence"].startswith("4 attempts")


async def test_a_worker_told_to_stop_gives_the_task_back_uncounted(bench: Bench) -> None:
    begun = asyncio.Event()

    async def work_for_ever(_: Workbench) -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(carry_out(bench, Errand(work_for_ever)))
    await begun.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    document = bench.tasks.documents[TASK]
    assert (document["state"], document["attempts"], document["lease_until"]) == (State.QUEUED, 0, None)


async def test_a_result_that_comes_after_another_worker_took_over_counts_for_nothing(bench: Bench) -> None:
    async def be_overtaken(_: Workbench) -> None:
        bench.tasks.documents[TASK]["lease_until"] = None
        assert await bench.tasks.claim(TASK, {})

    await carry_out(bench, Errand(be_overtaken))

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["fence"]) == (State.PROCESSING, 2)
    assert "result" not in document
    assert outbox_of(document) == []


async def test_a_failure_that_comes_after_another_worker_took_over_counts_for_nothing(bench: Bench) -> None:
    async def be_overtaken(_: Workbench) -> None:
        bench.tasks.documents[TASK]["lease_until"] = None
        assert await bench.tasks.claim(TASK, {})
        raise DeafError

    await carry_out(bench, Errand(be_overtaken))

    document = bench.tasks.documents[TASK]
    assert document["state"] is State.PROCESSING
    assert outbox_of(document) == []


async def test_a_task_that_another_worker_has_is_left_to_it(bench: Bench) -> None:
    assert await bench.tasks.claim(TASK, {})
    errand = Errand()

    with pytest.raises(LeaseHeldError):
        await carry_out(bench, errand)

    assert (errand.performed, bench.tasks.documents[TASK]["attempts"]) == (0, 1)


def _announced_failure(document: Document) -> Fault:
    [entry] = outbox_of(document)
    event = from_message(entry.headers, entry.body.encode()).event
    assert isinstance(event, AnalysisFailed)
    assert event.attempts == document["attempts"]
    return event.error


async def test_of_a_deleted_recording_nothing_is_begun(bench: Bench) -> None:
    bench.tasks.deleted.add(RECORDING)
    errand = Errand()

    with pytest.raises(RecordingDeletedError):
        await carry_out(bench, errand)

    assert (errand.performed, bench.tasks.documents) == (0, {})


async def test_what_is_under_way_when_its_recording_is_deleted_stops_without_a_word(bench: Bench) -> None:
    bench.tasks = FakeTasks(lease_s=0.01)

    async def delete_and_wait(_: Workbench) -> None:
        bench.tasks.deleted.add(RECORDING)
        await asyncio.Event().wait()

    with pytest.raises(RecordingDeletedError):
        await carry_out(bench, Errand(delete_and_wait))

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["attempts"], document["outbox"]) == (State.QUEUED, 0, [])
    bench.tasks.deleted.clear()
    await carry_out(bench, Errand())
    assert bench.tasks.documents[TASK]["state"] == State.COMPLETED


async def test_work_that_is_cancelled_stops_within_a_look_and_ends_as_cancelled(bench: Bench) -> None:
    bench.tasks = FakeTasks(lease_s=0.01)

    async def be_cancelled(_: Workbench) -> None:
        bench.tasks.interventions[RECORDING] = Interventions(cancelled_at=datetime.now(UTC))
        await asyncio.Event().wait()

    await carry_out(bench, Errand(be_cancelled))

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["lease_until"], document["outbox"]) == (State.CANCELLED, None, [])


async def test_what_was_cancelled_while_it_waited_is_never_begun(bench: Bench) -> None:
    bench.tasks.interventions[RECORDING] = Interventions(cancelled_at=NOW)
    errand = Errand()

    await carry_out(bench, errand, announced_at=NOW)

    assert (errand.performed, bench.tasks.documents[TASK]["state"]) == (0, State.CANCELLED)


async def test_a_retry_is_another_fact_than_what_it_repeats(bench: Bench) -> None:
    await carry_out(bench, Errand(raising(DeafError())))
    bench.tasks.interventions[RECORDING] = Interventions(retried_at=datetime.now(UTC))

    await carry_out(bench, Errand(raising(DeafError())))

    first, second = outbox_of(bench.tasks.documents[TASK])
    assert first.event_id != second.event_id
    assert bench.tasks.documents[TASK]["attempts"] == 1
