import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import chassis.workbench
from chassis.errors import ObjectCorruptError, ObjectMissingError, TransientError
from chassis.progress import ProgressFile
from chassis.tracing import span, trace_id
from chassis.workbench import Workbench
from contracts.envelope import from_message
from contracts.events import TaskProgressed
from contracts.topology import PROGRESS_EXCHANGE
from contracts.vocabulary import Lane, State
from tests.fakes import Bench
from tests.recorded_spans import SpanRecorder

from .errands import AUDIO, TASK, DeafError, Errand, carry_out, every_stage, outbox_of, sha256


async def test_progress_goes_to_listeners_stage_by_stage(bench: Bench) -> None:
    await carry_out(bench, Errand(every_stage))

    sent = [from_message(each.headers, each.body).event for each in bench.publisher.published]
    progress = [event.progress for event in sent if isinstance(event, TaskProgressed)]
    assert {each.exchange for each in bench.publisher.published} == {PROGRESS_EXCHANGE}
    assert (progress[0], progress[-1]) == (0.0, 0.95)
    assert progress == sorted(progress)


async def test_progress_never_goes_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    shares = [0.0, 0.3, 0.0, 0.6, 0.5]
    all_read = asyncio.Event()

    def read(_: ProgressFile) -> float:
        if len(shares) == 1:
            all_read.set()
            return shares[0]
        return shares.pop(0)

    async def wait_for_all() -> str:
        await all_read.wait()
        return "done"

    async def compute(workbench: Workbench) -> None:
        await workbench.compute(str)

    monkeypatch.setattr(chassis.workbench, "PROGRESS_POLL_S", 0)
    monkeypatch.setattr(ProgressFile, "read", read)
    monkeypatch.setattr(bench.pools[Lane.INTERACTIVE], "run", lambda *_, **__: wait_for_all())

    await carry_out(bench, Errand(compute))

    sent = [from_message(each.headers, each.body).event for each in bench.publisher.published]
    assert [event.progress for event in sent if isinstance(event, TaskProgressed)] == [0.05, 0.32, 0.59]


@pytest.mark.parametrize("lane", list(Lane))
async def test_a_lane_has_children_of_its_own(bench: Bench, lane: Lane) -> None:
    await carry_out(bench, Errand(every_stage), lane=lane)

    assert {each: pool.jobs for each, pool in bench.pools.items()} == {each: int(each is lane) for each in Lane}


async def test_a_task_does_not_fail_because_its_progress_was_not_heard(bench: Bench) -> None:
    bench.publisher.failures = 1000

    await carry_out(bench, Errand(every_stage))

    assert bench.tasks.documents[TASK]["state"] is State.COMPLETED


async def test_every_stage_is_timed(bench: Bench) -> None:
    await carry_out(bench, Errand(every_stage), announced_at=datetime.now(UTC) - timedelta(minutes=1))

    timings_s = bench.tasks.documents[TASK]["timings_s"]
    assert timings_s.keys() >= {"queued", "fetch", "compute"}
    assert timings_s["queued"] >= 60


async def test_an_object_that_is_not_what_was_uploaded_may_be_right_next_time(bench: Bench) -> None:
    bench.objects.stored["audio"] = b"half of it"

    with pytest.raises(ObjectCorruptError) as failure:
        await carry_out(bench, Errand(every_stage))

    assert isinstance(failure.value, TransientError)
    assert bench.tasks.documents[TASK]["state"] is State.QUEUED


async def test_an_object_that_is_missing_may_be_there_next_time(bench: Bench) -> None:
    bench.objects.stored.clear()

    with pytest.raises(ObjectMissingError):
        await carry_out(bench, Errand(every_stage))

    assert bench.tasks.documents[TASK]["state"] is State.QUEUED


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_is_left_in_the_scratch_folder(bench: Bench, *, fails: bool) -> None:
    scratches: list[Path] = []

    async def note_scratch(workbench: Workbench) -> None:
        scratches.append((await workbench.fetch("audio", sha256(AUDIO))).parent)
        if fails:
            raise DeafError

    await carry_out(bench, Errand(note_scratch))

    [scratch] = scratches
    assert not scratch.exists()


async def test_every_stage_is_a_span(bench: Bench, spans: SpanRecorder) -> None:
    await carry_out(bench, Errand(every_stage))

    assert [each.name for each in spans.ended()] == ["spectrogram fetch", "spectrogram compute", "spectrogram store"]


async def test_an_event_carries_the_trace_of_the_work_that_made_it_true(bench: Bench, spans: SpanRecorder) -> None:
    with span("process"):
        work = trace_id()
        await carry_out(bench, Errand())

    [entry] = outbox_of(bench.tasks.documents[TASK])
    assert entry.trace["traceparent"].split("-")[1] == work
