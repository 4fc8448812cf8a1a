from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.watching import PAUSE_MAX, LaneFront, Standing, TaskFacts, WatchRules, standing_of, together
from contracts.interventions import Interventions
from contracts.vocabulary import State
from contracts.watching import Watch

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULES = WatchRules(15 * MINUTE, 60 * MINUTE)
IDLE = LaneFront(None, is_busy=False)


def test_work_that_is_silent_is_announced_anew_with_longer_and_longer_pauses() -> None:
    watch, announced = Watch.begun(NOON), []

    for minute in range(0, 600, 15):
        look = RULES.look(watch, Standing.SILENT, NOON + minute * MINUTE)
        assert look.watch is not None
        watch = look.watch
        announced += [minute] if look.announces else []

    assert announced == [15, 45, 105, 225, 465]


def test_work_is_stuck_once_announcing_it_anew_did_not_help_and_no_longer_when_somebody_has_it() -> None:
    watch = Watch.begun(NOON)
    stuck = []
    for minute in range(15, 120, 15):
        watch = RULES.look(watch, Standing.SILENT, NOON + minute * MINUTE).watch or watch
        stuck += [minute] if watch.stuck_since is not None else []

    taken = RULES.look(watch, Standing.UNDER_WAY, NOON + 130 * MINUTE).watch

    assert stuck == [75, 90, 105]
    assert watch.stuck_since == NOON + 75 * MINUTE
    assert taken is not None
    assert taken.stuck_since is None


@pytest.mark.parametrize("standing", [Standing.UNDER_WAY, Standing.WAITING])
def test_what_a_worker_has_or_what_waits_its_turn_is_not_announced_anew(standing: Standing) -> None:
    look = RULES.look(Watch.begun(NOON), standing, NOON + timedelta(days=9))

    assert (look.announces, look.watch is None) == (False, False)


def test_what_has_ended_is_watched_no_more() -> None:
    assert RULES.look(Watch.begun(NOON), Standing.ENDED, NOON).watch is None


@given(st.lists(st.integers(1, 3000), max_size=200))
def test_nothing_is_announced_anew_twice_within_the_pause_nor_left_alone_for_more_than_a_day(gaps: list[int]) -> None:
    watch, now, last = Watch.begun(NOON), NOON, NOON
    for gap in gaps:
        now += gap * MINUTE
        look = RULES.look(watch, Standing.SILENT, now)
        assert look.watch is not None
        watch = look.watch
        if look.announces:
            assert now - last >= RULES.reannounce_after
            last = now
        assert now - last < PAUSE_MAX


def test_a_task_that_nobody_began_is_silent_once_its_lane_has_gone_past_it() -> None:
    standings = [
        standing_of(None, Interventions(), NOON, front, Watch.begun(NOON), NOON + 20 * MINUTE)
        for front in (IDLE, LaneFront(NOON - MINUTE, True), LaneFront(NOON + MINUTE, True), LaneFront(NOON, False))
    ]

    assert standings == [Standing.SILENT, Standing.WAITING, Standing.SILENT, Standing.SILENT]


def test_a_task_is_under_way_only_as_long_as_its_worker_holds_the_lease() -> None:
    held = TaskFacts(State.PROCESSING, NOON, None, NOON + MINUTE)

    standings = [_standing(held, after=minutes) for minutes in (0, 2)]

    assert standings == [Standing.UNDER_WAY, Standing.SILENT]


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED, State.PARTIAL, State.CANCELLED])
def test_a_task_that_ended_is_silent_again_only_where_it_is_to_be_tried_again(state: State) -> None:
    ended = TaskFacts(state, NOON, NOON + MINUTE, None)
    retried = Interventions(retried_at=NOON + 2 * MINUTE)

    assert _standing(ended) is Standing.ENDED
    expected = Standing.ENDED if state is State.COMPLETED else Standing.SILENT
    assert _standing(ended, done=retried) is expected


def test_cancelled_work_has_ended_whether_or_not_its_worker_lives() -> None:
    cancelled = Interventions(cancelled_at=NOON + MINUTE)

    assert _standing(None, done=cancelled) is Standing.ENDED
    assert _standing(TaskFacts(State.PROCESSING, NOON, None, NOON), done=cancelled) is Standing.ENDED


def test_one_event_waits_for_the_worker_that_has_one_of_its_tasks() -> None:
    assert together([Standing.SILENT, Standing.UNDER_WAY]) is Standing.UNDER_WAY
    assert together([Standing.ENDED, Standing.SILENT]) is Standing.SILENT
    assert together([Standing.ENDED, Standing.ENDED]) is Standing.ENDED


def _standing(task: TaskFacts | None, *, done: Interventions | None = None, after: int = 20) -> Standing:
    now = NOON + after * MINUTE if after else NOON
    return standing_of(task, done or Interventions(), NOON, IDLE, Watch.begun(NOON), now)
