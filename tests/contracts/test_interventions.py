from datetime import UTC, datetime, timedelta

import pytest

from contracts.interventions import Interventions
from contracts.vocabulary import State

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BEFORE, LATER, LAST = NOON - timedelta(hours=1), NOON + timedelta(hours=1), NOON + timedelta(hours=2)


@pytest.mark.parametrize(
    ("done", "state", "completed_at", "shown"),
    [
        (Interventions(), State.PROCESSING, None, State.PROCESSING),
        (Interventions(cancelled_at=LATER), State.PROCESSING, None, State.CANCELLED),
        (Interventions(cancelled_at=LATER), State.QUEUED, None, State.CANCELLED),
        (Interventions(cancelled_at=BEFORE), State.QUEUED, None, State.QUEUED),
        (Interventions(cancelled_at=LATER), State.COMPLETED, NOON, State.COMPLETED),
        (Interventions(cancelled_at=LATER, retried_at=LAST), State.PROCESSING, None, State.PROCESSING),
        (Interventions(cancelled_at=LATER, retried_at=LAST), State.CANCELLED, LATER, State.QUEUED),
        (Interventions(cancelled_at=LAST, retried_at=LATER), State.FAILED, NOON, State.CANCELLED),
        (Interventions(retried_at=LATER), State.FAILED, NOON, State.QUEUED),
        (Interventions(retried_at=LATER), State.PARTIAL, NOON, State.QUEUED),
        (Interventions(retried_at=LATER), State.COMPLETED, NOON, State.COMPLETED),
        (Interventions(retried_at=LATER), State.FAILED, LAST, State.FAILED),
    ],
)
def test_work_stands_as_what_was_done_to_it_last_says(
    done: Interventions, state: State, completed_at: datetime | None, shown: State
) -> None:
    assert done.shown(state, NOON, completed_at) is shown
