"""An extractor's time is bounded, and the bound leaves nothing behind."""

import signal
import time

import pytest

from services.analysis.budget import Budget, OutOfTime, alarm


def test_a_budget_grows_with_the_audio_that_was_heard() -> None:
    budget = Budget(base_s=10, per_audio_s=0.5)

    assert (budget.allowed_s(0), budget.allowed_s(60)) == (10, 40)


def test_the_alarm_ends_what_lasts_too_long() -> None:
    with pytest.raises(OutOfTime), alarm(0.01):
        time.sleep(30)


def test_the_alarm_rings_again_for_who_swallows_it() -> None:
    rung: list[float] = []
    with pytest.raises(OutOfTime), alarm(0.01):
        _sleep_twice(rung)

    assert len(rung) == 2


def test_the_alarm_is_silent_afterwards_and_gives_the_timer_before_it_back() -> None:
    def somebody_elses(*_: object) -> None:
        """Never called: its timer is minutes away."""

    handler, timer = signal.signal(signal.SIGALRM, somebody_elses), signal.getitimer(signal.ITIMER_REAL)
    signal.setitimer(signal.ITIMER_REAL, 100)
    try:
        with alarm(50):
            pass

        assert signal.getsignal(signal.SIGALRM) is somebody_elses
        assert 50 < signal.getitimer(signal.ITIMER_REAL)[0] <= 100
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def _sleep_twice(rung: list[float]) -> None:
    while True:
        try:
            time.sleep(30)
        except OutOfTime:
            rung.append(time.monotonic())
            if len(rung) == 2:
                raise
