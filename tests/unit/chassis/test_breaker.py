import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chassis.breaker import Breaker, BreakerRules, BreakerState, Permit

RULES = BreakerRules(window_s=10, calls_min=4, failure_ratio=0.5, open_s=1, open_max_s=8)


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """The time of a test."""
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """A new breaker."""
    return Breaker(RULES, clock)


def test_few_failures_open_nothing(breaker: Breaker) -> None:
    _fail(breaker, 3)

    assert breaker.state is BreakerState.CLOSED


def test_it_opens_when_half_of_enough_calls_failed(breaker: Breaker) -> None:
    _succeed(breaker, 4)
    _fail(breaker, 3)
    before = breaker.state

    _fail(breaker, 1)

    assert (before, breaker.state) == (BreakerState.CLOSED, BreakerState.OPEN)
    assert breaker.admit() is None


def test_what_is_older_than_the_window_is_forgotten(breaker: Breaker, clock: Clock) -> None:
    _fail(breaker, 3)
    clock.now_s += RULES.window_s
    _fail(breaker, 3)

    assert breaker.state is BreakerState.CLOSED


def test_many_successes_of_long_ago_do_not_hide_an_outage(breaker: Breaker, clock: Clock) -> None:
    _succeed(breaker, 1000)
    clock.now_s += RULES.window_s
    _fail(breaker, 4)

    assert breaker.state is BreakerState.OPEN


def test_after_its_time_exactly_one_call_goes_through(breaker: Breaker, clock: Clock) -> None:
    _fail(breaker, 4)
    clock.now_s += RULES.open_s

    permits = [breaker.admit() for _ in range(5)]

    assert breaker.state is BreakerState.HALF_OPEN
    assert [permit is not None for permit in permits] == [True, False, False, False, False]


def test_a_trial_that_succeeds_closes_it_and_forgets_the_failures(breaker: Breaker, clock: Clock) -> None:
    _fail(breaker, 4)
    clock.now_s += RULES.open_s

    _succeed(breaker, 1)
    _fail(breaker, 3)

    assert breaker.state is BreakerState.CLOSED


def test_every_trial_that_fails_doubles_the_time_up_to_a_bound(breaker: Breaker, clock: Clock) -> None:
    _fail(breaker, 4)
    times_s = []
    for _ in range(6):
        times_s.append(breaker.open_for_s)
        clock.now_s += breaker.open_for_s
        _fail(breaker, 1)

    assert times_s == pytest.approx([1, 2, 4, 8, 8, 8])


def test_once_it_was_closed_it_begins_with_the_short_time_again(breaker: Breaker, clock: Clock) -> None:
    _fail(breaker, 4)
    for _ in range(3):
        clock.now_s += breaker.open_for_s
        _fail(breaker, 1)
    clock.now_s += breaker.open_for_s
    _succeed(breaker, 1)

    _fail(breaker, 4)

    assert breaker.open_for_s == pytest.approx(RULES.open_s)


def test_a_trial_that_nobody_waited_for_leaves_the_next_one_to_somebody_else(breaker: Breaker, clock: Clock) -> None:
    _fail(breaker, 4)
    clock.now_s += RULES.open_s
    trial = breaker.admit()
    assert trial is not None

    breaker.abandoned(trial)

    assert breaker.admit() is not None


def test_a_call_from_before_it_opened_does_not_decide_the_trial(breaker: Breaker, clock: Clock) -> None:
    late = breaker.admit()
    assert late is not None
    _fail(breaker, 4)
    clock.now_s += RULES.open_s
    trial = breaker.admit()

    breaker.succeeded(late)

    assert trial is not None
    assert breaker.state is BreakerState.HALF_OPEN
    breaker.failed(trial)
    assert breaker.open_for_s == pytest.approx(2 * RULES.open_s)


class BreakerMachine(RuleBasedStateMachine):
    """Calls that begin and end in any order, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = Breaker(RULES, self.clock)
        self.under_way: list[Permit] = []
        self.trial: Permit | None = None
        self.opened_at_s: float | None = None

    @rule(seconds=st.floats(min_value=0, max_value=12))
    def wait(self, seconds: float) -> None:
        self.clock.now_s += seconds

    @rule()
    def begin(self) -> None:
        before = self.breaker.state
        permit = self.breaker.admit()
        if before is BreakerState.OPEN:
            assert permit is None
        if before is BreakerState.CLOSED:
            assert permit is not None
        if before is BreakerState.HALF_OPEN:
            assert (permit is None) == (self.trial is not None)
            self.trial = permit or self.trial
        if permit is not None:
            self.under_way.append(permit)

    @precondition(lambda machine: machine.under_way)
    @rule(chosen=st.data(), end=st.sampled_from(["succeeded", "failed", "abandoned"]))
    def end(self, chosen: st.DataObject, end: str) -> None:
        permit = self.under_way.pop(chosen.draw(st.integers(0, len(self.under_way) - 1)))
        before, counts = self.breaker.state, self.breaker.is_current(permit)
        getattr(self.breaker, end)(permit)
        self._check(before, permit, end, counts=counts)

    def _check(self, before: BreakerState, permit: Permit, end: str, *, counts: bool) -> None:
        after = self.breaker.state
        if permit is self.trial:
            self.trial = None
            expected = {"succeeded": BreakerState.CLOSED, "failed": BreakerState.OPEN, "abandoned": before}
            assert after is expected[end]
        elif before is not BreakerState.CLOSED or not counts:
            assert after is before
        elif end != "failed":
            assert after is BreakerState.CLOSED

    @invariant()
    def is_open_for_a_bounded_time(self) -> None:
        assert 0 <= self.breaker.open_for_s <= RULES.open_max_s
        assert (self.breaker.open_for_s > 0) == (self.breaker.state is BreakerState.OPEN)

    @invariant()
    def recovers_by_one_call_that_succeeds(self) -> None:
        if self.trial is not None:
            assert self.breaker.state is BreakerState.HALF_OPEN


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def _fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed(_permit(breaker))


def _succeed(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.succeeded(_permit(breaker))


def _permit(breaker: Breaker) -> Permit:
    permit = breaker.admit()
    assert permit is not None
    return permit
