import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from chassis.errors import LeaseHeldError, TransientError, UnprocessableError
from chassis.jobs import ProgressFile
from chassis.objects import ObjectMissingError
from chassis.tracing import span, trace_id
from chassis.work import MAX_ATTEMPTS, ObjectCorruptError, Outcome, Workbench, Worker
from contracts.documents import OutboxEntry
from contracts.envelope import event_id, from_message
from contracts.events import AnalysisFailed, RecordingDeleted, TaskFailed, TaskProgressed
from contracts.topology import PROGRESS_EXCHANGE
from contracts.vocabulary import Fault, State
from tests.fakes import Bench, Document, SpanRecorder

RECORDING = "0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
EVENT = RecordingDeleted(recording_id=RECORDING, project_id="default", deleted_at=NOW)
AUDIO = b"as it was uploaded"
TASK = f"{RECORDING}/p1"

Perform = Callable[[Workbench], Awaitable[None]]


class DeafError(UnprocessableError):
    """Nothing can be heard."""

    code = "deaf"
    next_step = "Listen."

    def __str__(self) -> str:
        return "Nothing can be heard."


class Errand:
    """Work whose doing a test decides."""

    task: Literal["spectrogram", "analysis"] = "analysis"
    failure: type[TaskFailed] = AnalysisFailed
    parameters_id = "p1"
    parameters: dict[str, Any] = {"shade": "dark"}  # noqa: RUF012 (the protocol's attribute)

    def __init__(self, do: Perform | None = None) -> None:
        self.performed = 0
        self._do = do or _nothing

    async def perform(self, event: RecordingDeleted, bench: Workbench) -> Outcome:
        self.performed += 1
        await self._do(bench)
        return Outcome(State.COMPLETED, {"result": "done", "timings_s": dict(bench.timings_s)}, event)

    def timeout_s(self, event: RecordingDeleted) -> float:
        return 60


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.objects.stored["audio"] = AUDIO
    return bench


async def test_a_finished_task_is_announced_by_the_document_that_made_it_true(bench: Bench) -> None:
    await _carry_out(bench, Errand())

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["result"], document["attempts"]) == (State.COMPLETED, "done", 1)
    assert [entry.routing_key for entry in _outbox(document)] == ["recording.deleted.v1.interactive"]
    assert bench.relay.woken == 1


async def test_a_new_task_says_whose_it_is_and_how_it_is_done(bench: Bench) -> None:
    await _carry_out(bench, Errand())

    document = bench.tasks.documents[TASK]
    assert (document["recording_id"], document["project_id"]) == (RECORDING, "default")
    assert (document["parameters_id"], document["parameters"]) == ("p1", {"shade": "dark"})


async def test_a_redelivery_repeats_the_same_event(bench: Bench) -> None:
    other = Bench()

    await _carry_out(bench, Errand())
    await _carry_out(other, Errand())

    [first], [second] = _outbox(bench.tasks.documents[TASK]), _outbox(other.tasks.documents[TASK])
    assert first.event_id == second.event_id == event_id(EVENT, parameters_id="p1")


async def test_a_task_that_has_ended_is_not_done_again(bench: Bench) -> None:
    await _carry_out(bench, Errand())
    again = Errand()

    await _carry_out(bench, again)

    assert again.performed == 0
    assert len(_outbox(bench.tasks.documents[TASK])) == 1


async def test_what_no_retry_helps_against_ends_at_once_with_code_sentence_and_next_step(bench: Bench) -> None:
    await _carry_out(bench, Errand(_raising(DeafError())))

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["attempts"]) == (State.FAILED, 1)
    assert document["error"] == {"code": "deaf", "sentence": "Nothing can be heard.", "next_step": "Listen."}
    assert _announced_failure(document) == Fault.model_validate(document["error"])


async def test_what_may_go_away_climbs_the_ladder_with_its_attempt_counted(bench: Bench) -> None:
    with pytest.raises(TransientError):
        await _carry_out(bench, Errand(_raising(TransientError("busy"))))

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["attempts"], document["lease_until"]) == (State.QUEUED, 1, None)
    assert _outbox(document) == []


async def test_a_defect_of_ours_climbs_the_ladder_too(bench: Bench) -> None:
    with pytest.raises(ZeroDivisionError):
        await _carry_out(bench, Errand(_raising(ZeroDivisionError())))

    assert bench.tasks.documents[TASK]["state"] is State.QUEUED


async def test_the_next_try_may_succeed(bench: Bench) -> None:
    with pytest.raises(TransientError):
        await _carry_out(bench, Errand(_raising(TransientError("busy"))))

    await _carry_out(bench, Errand())

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["attempts"]) == (State.COMPLETED, 2)


async def test_the_fourth_attempt_is_the_last(bench: Bench) -> None:
    errand = Errand(_raising(TransientError("busy")))
    for _ in range(MAX_ATTEMPTS - 1):
        with pytest.raises(TransientError):
            await _carry_out(bench, errand)

    await _carry_out(bench, errand)

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

    await _carry_out(bench, errand)

    document = bench.tasks.documents[TASK]
    assert (document["state"], errand.performed) == (State.FAILED, 0)
    assert document["error"]["sentence"].startswith("4 attempts")


async def test_a_worker_told_to_stop_gives_the_task_back_uncounted(bench: Bench) -> None:
    begun = asyncio.Event()

    async def work_for_ever(_: Workbench) -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(_carry_out(bench, Errand(work_for_ever)))
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

    await _carry_out(bench, Errand(be_overtaken))

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["fence"]) == (State.PROCESSING, 2)
    assert "result" not in document
    assert _outbox(document) == []


async def test_a_failure_that_comes_after_another_worker_took_over_counts_for_nothing(bench: Bench) -> None:
    async def be_overtaken(_: Workbench) -> None:
        bench.tasks.documents[TASK]["lease_until"] = None
        assert await bench.tasks.claim(TASK, {})
        raise DeafError

    await _carry_out(bench, Errand(be_overtaken))

    document = bench.tasks.documents[TASK]
    assert document["state"] is State.PROCESSING
    assert _outbox(document) == []


async def test_a_task_that_another_worker_has_is_left_to_it(bench: Bench) -> None:
    assert await bench.tasks.claim(TASK, {})
    errand = Errand()

    with pytest.raises(LeaseHeldError):
        await _carry_out(bench, errand)

    assert (errand.performed, bench.tasks.documents[TASK]["attempts"]) == (0, 1)


async def test_progress_goes_to_listeners_stage_by_stage(bench: Bench) -> None:
    await _carry_out(bench, Errand(_every_stage))

    sent = [from_message(each.headers, each.body).event for each in bench.publisher.published]
    progress = [event.progress for event in sent if isinstance(event, TaskProgressed)]
    assert {each.exchange for each in bench.publisher.published} == {PROGRESS_EXCHANGE}
    assert (progress[0], progress[-1]) == (0.0, 0.95)
    assert progress == sorted(progress)


async def test_a_task_does_not_fail_because_its_progress_was_not_heard(bench: Bench) -> None:
    bench.publisher.failures = 1000

    await _carry_out(bench, Errand(_every_stage))

    assert bench.tasks.documents[TASK]["state"] is State.COMPLETED


async def test_every_stage_is_timed(bench: Bench) -> None:
    await _carry_out(bench, Errand(_every_stage), announced_at=datetime.now(UTC) - timedelta(minutes=1))

    timings_s = bench.tasks.documents[TASK]["timings_s"]
    assert timings_s.keys() >= {"queued", "fetch", "compute"}
    assert timings_s["queued"] >= 60


async def test_an_object_that_is_not_what_was_uploaded_may_be_right_next_time(bench: Bench) -> None:
    bench.objects.stored["audio"] = b"half of it"

    with pytest.raises(ObjectCorruptError) as failure:
        await _carry_out(bench, Errand(_every_stage))

    assert isinstance(failure.value, TransientError)
    assert bench.tasks.documents[TASK]["state"] is State.QUEUED


async def test_an_object_that_is_missing_may_be_there_next_time(bench: Bench) -> None:
    bench.objects.stored.clear()

    with pytest.raises(ObjectMissingError):
        await _carry_out(bench, Errand(_every_stage))

    assert bench.tasks.documents[TASK]["state"] is State.QUEUED


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_is_left_in_the_scratch_folder(bench: Bench, *, fails: bool) -> None:
    scratches: list[Path] = []

    async def note_scratch(workbench: Workbench) -> None:
        scratches.append((await workbench.fetch("audio", _sha256(AUDIO))).parent)
        if fails:
            raise DeafError

    await _carry_out(bench, Errand(note_scratch))

    [scratch] = scratches
    assert not scratch.exists()


async def test_every_stage_is_a_span(bench: Bench, spans: SpanRecorder) -> None:
    await _carry_out(bench, Errand(_every_stage))

    assert [each.name for each in spans.ended()] == ["spectrogram fetch", "spectrogram compute", "spectrogram store"]


async def test_an_event_carries_the_trace_of_the_work_that_made_it_true(bench: Bench, spans: SpanRecorder) -> None:
    with span("process"):
        work = trace_id()
        await _carry_out(bench, Errand())

    [entry] = _outbox(bench.tasks.documents[TASK])
    assert entry.trace["traceparent"].split("-")[1] == work


async def _carry_out(bench: Bench, errand: Errand, announced_at: datetime | None = None) -> None:
    worker: Worker[RecordingDeleted] = Worker(bench.equipment(), errand)
    await worker.carry_out(EVENT, announced_at or datetime.now(UTC))


async def _nothing(_: Workbench) -> None:
    return


def _raising(error: Exception) -> Perform:
    async def fail(_: Workbench) -> None:
        raise error

    return fail


async def _every_stage(workbench: Workbench) -> None:
    path = await workbench.fetch("audio", _sha256(AUDIO))
    body = await workbench.compute(_read, path)
    await workbench.store({"result": body}, "text/plain")


def _read(path: Path, progress: ProgressFile) -> bytes:
    progress.write(0.5)
    return path.read_bytes()


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _outbox(document: Document) -> list[OutboxEntry]:
    return [OutboxEntry.model_validate(entry) for entry in document["outbox"]]


def _announced_failure(document: Document) -> Fault:
    [entry] = _outbox(document)
    event = from_message(entry.headers, entry.body.encode()).event
    assert isinstance(event, AnalysisFailed)
    assert event.attempts == document["attempts"]
    return event.error
