"""What the metrics are told of tasks."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.exposition import generate_latest

from chassis.errors import TransientError
from chassis.metrics import PUBLISH_SECONDS, timed
from chassis.task_figures import note_outcome
from chassis.tasks import Claim
from chassis.tracing import span, trace_id
from chassis.work import Outcome
from contracts.vocabulary import Lane, State
from tests.fakes import Bench
from tests.figures import figure
from tests.recorded_spans import SpanRecorder

from .errands import EVENT, TASK, DeafError, Errand, carry_out, every_stage, raising

DONE = {"duration_decoded_s": 20.0, "timings_s": {"queued": 0.5, "compute": 2.0}}


def test_what_an_upload_can_be_read_by_is_timed_from_the_upload() -> None:
    task = _noted(_completed("thumbnail", "full"), _claim(age_s=7))

    for what in ("thumbnail", "full"):
        labels = {"task": task, "what": what, "lane": "bulk"}
        assert figure("dawnchorus_end_to_end_seconds_count", **labels) == 1
        assert 7 <= figure("dawnchorus_end_to_end_seconds_sum", **labels) < 60
    assert figure("dawnchorus_audio_seconds_total", task=task, lane="bulk") == 20
    assert figure("dawnchorus_real_time_factor_sum", task=task) == pytest.approx(0.1)
    assert figure("dawnchorus_task_wait_seconds_sum", task=task, lane="bulk") == 0.5


def test_a_retry_says_nothing_of_how_long_an_upload_takes() -> None:
    task = _noted(_completed("thumbnail"), _claim(age_s=3600, run=2))

    assert figure("dawnchorus_end_to_end_seconds_count", task=task, what="thumbnail", lane="bulk") == 0
    assert figure("dawnchorus_task_wait_seconds_count", task=task, lane="bulk") == 0
    assert figure("dawnchorus_audio_seconds_total", task=task, lane="bulk") == 20


def test_a_clock_that_is_ahead_makes_no_negative_wait() -> None:
    task = _noted(_completed("thumbnail"), _claim(age_s=-3600))

    assert figure("dawnchorus_end_to_end_seconds_sum", task=task, what="thumbnail", lane="bulk") == 0


def test_results_that_were_there_already_are_no_work() -> None:
    task = _noted(Outcome(State.COMPLETED, {"duration_decoded_s": 20.0, "timings_s": {}}, EVENT), _claim(age_s=1))

    assert figure("dawnchorus_audio_seconds_total", task=task, lane="bulk") == 0
    assert figure("dawnchorus_real_time_factor_count", task=task) == 0


async def test_a_task_is_counted_with_its_attempts_and_its_stages(bench: Bench) -> None:
    stage = {"task": "spectrogram", "lane": "bulk", "stage": "compute"}
    before = _ended(), figure("dawnchorus_stage_duration_seconds_count", **stage)

    await carry_out(bench, Errand(every_stage), lane=Lane.BULK)

    assert _ended() == before[0] + 1
    assert figure("dawnchorus_stage_duration_seconds_count", **stage) == before[1] + 1


async def test_a_failure_is_counted_by_its_code(bench: Bench) -> None:
    before = figure("dawnchorus_task_failures_total", task="spectrogram", code="deaf")

    await carry_out(bench, Errand(raising(DeafError())))

    assert figure("dawnchorus_task_failures_total", task="spectrogram", code="deaf") == before + 1


async def test_a_late_result_counts_for_nothing(bench: Bench) -> None:
    before = figure("dawnchorus_task_attempts_count", task="spectrogram")

    async def be_overtaken(_: object) -> None:
        bench.tasks.documents[TASK]["fence"] += 1

    await carry_out(bench, Errand(be_overtaken))

    assert figure("dawnchorus_task_attempts_count", task="spectrogram") == before


@pytest.mark.parametrize(("error", "outcome"), [(TransientError("busy"), "transient"), (ZeroDivisionError(), "failed")])
def test_a_call_that_failed_is_timed_under_its_code(error: Exception, outcome: str) -> None:
    with pytest.raises(type(error)), timed(PUBLISH_SECONDS, "odd"):
        raise error

    labels = {"exchange": "odd", "outcome": getattr(error, "code", outcome)}
    assert figure("dawnchorus_publish_duration_seconds_count", **labels) == 1


def test_a_value_leads_to_its_trace_where_that_is_kept(spans: SpanRecorder) -> None:
    with span("work"):
        known = trace_id()
        with timed(PUBLISH_SECONDS, "traced"):
            pass

    [said] = re.findall(r'exchange="traced".* # \{trace_id="(\w+)"\}', generate_latest(REGISTRY).decode())[:1]
    assert said == known


def _noted(outcome: Outcome, claim: Claim) -> str:
    """Note an outcome under a name of its own, and return that."""
    task = f"task-{len(_TASKS)}"
    _TASKS.append(task)
    note_outcome(task, Lane.BULK, claim, outcome)
    return task


_TASKS: list[str] = []


def _completed(*shown: str) -> Outcome:
    return Outcome(State.COMPLETED, DONE, EVENT, shown=shown)


def _claim(*, age_s: float, run: int = 1) -> Claim:
    return Claim(TASK, 1, 1, run, announced_at=datetime.now(UTC) - timedelta(seconds=age_s))


def _ended() -> float:
    return figure("dawnchorus_task_attempts_bucket", task="spectrogram", le="1.0")
