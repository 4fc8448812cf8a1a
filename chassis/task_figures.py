"""What spans, logs and metrics are told of a task."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from opentelemetry import trace

from contracts.events import Event
from contracts.vocabulary import Lane, State

from .metrics import (
    AUDIO_SECONDS,
    END_TO_END_SECONDS,
    REAL_TIME_FACTOR,
    TASK_ATTEMPTS,
    TASK_FAILURES,
    TASK_WAIT_SECONDS,
    observe,
)
from .tasks import Claim

if TYPE_CHECKING:
    from .work import Outcome


def describe(event: Event, claim: Claim) -> None:
    """Say in the current span, and in every log line from here on, which task this is."""
    known: dict[str, str | int] = {"recording.id": event.recording_id, "task.lane": event.lane}
    trace.get_current_span().set_attributes({**known, "task.attempt": claim.attempts})
    structlog.contextvars.bind_contextvars(recording_id=event.recording_id, attempt=claim.attempts)


def note_outcome(source: str, lane: Lane, claim: Claim, outcome: "Outcome") -> None:
    """Tell the metrics how a task ended that its document says has ended."""
    TASK_ATTEMPTS.labels(source).observe(claim.attempts)
    if outcome.state is State.FAILED:
        TASK_FAILURES.labels(source, outcome.fields["error"]["code"]).inc()
        return
    _note_speed(source, lane, outcome)
    timings_s = outcome.fields.get("timings_s", {})
    if claim.attempts == 1 and claim.run == 1 and "queued" in timings_s:
        observe(TASK_WAIT_SECONDS.labels(source, lane), max(0.0, timings_s["queued"]))
    for what in outcome.shown:
        note_shown(source, lane, claim, what)


def note_shown(source: str, lane: Lane, claim: Claim, what: str) -> None:
    """Tell how long after the upload `what` could be read; a retry, which began later, says nothing of that."""
    if claim.announced_at is None or claim.run > 1:
        return
    waited_s = (datetime.now(UTC) - claim.announced_at).total_seconds()
    # Ingest's clock may be ahead of ours.
    observe(END_TO_END_SECONDS.labels(source, what, lane), max(0.0, waited_s))


def _note_speed(source: str, lane: Lane, outcome: "Outcome") -> None:
    audio_s = outcome.fields.get("duration_decoded_s")
    compute_s = outcome.fields.get("timings_s", {}).get("compute")
    # Without a computation nothing was worked through: the results were there already.
    if not audio_s or compute_s is None:
        return
    AUDIO_SECONDS.labels(source, lane).inc(audio_s)
    REAL_TIME_FACTOR.labels(source).observe(compute_s / audio_s)
