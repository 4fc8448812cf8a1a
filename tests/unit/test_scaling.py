import numpy as np
import pytest

from tests.benchmarks.scaling.autoscaling import Autoscaler, Scaling
from tests.benchmarks.scaling.days import CARDS_AT_S, CARDS_LAST_S, CARDS_SHARE, arrivals, days
from tests.benchmarks.scaling.model import DAY_S, PAGE, arithmetic, kinds
from tests.benchmarks.scaling.queueing import Fixed, erlang_c_wait_s, simulate
from tests.pages import marked_table, table


@pytest.mark.parametrize(("servers", "use"), [(1, 0.6), (4, 0.8), (16, 0.9)])
def test_a_simulated_queue_waits_as_erlang_says(servers: int, use: float) -> None:
    service_s = 0.5
    arrivals_per_s = use * servers / service_s
    until_s = 200_000 / arrivals_per_s

    run = simulate(*_poisson(arrivals_per_s, service_s, until_s), Fixed(servers), until_s)

    assert run.waits_s.mean() == pytest.approx(erlang_c_wait_s(arrivals_per_s, service_s, servers), rel=0.06)


def test_erlangs_formula_is_that_of_one_server_where_there_is_one() -> None:
    assert erlang_c_wait_s(0.5, 1.0, 1) == pytest.approx(0.5 / (1 - 0.5))
    # Two servers, both half used: a third wait (the textbook's example).
    assert erlang_c_wait_s(1.0, 1.0, 2) == pytest.approx(1 / 3)


def test_what_waits_is_what_comes_in_times_how_long_it_stays() -> None:
    run = simulate(*_poisson(8.0, 0.5, 20_000), Fixed(5), 20_000)

    # Little's law, over all that is in the system.
    assert run.backlog.mean() == pytest.approx(8.0 * (run.waits_s.mean() + 0.5), rel=0.05)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("most", [1, 3, 40])
def test_nothing_is_lost_and_nothing_comes_from_nowhere(seed: int, most: int) -> None:
    arrivals_s, services_s = _poisson(6.0, 1.0, 3000, seed=seed)

    run = simulate(arrivals_s, services_s, Autoscaler(Scaling(fewest=0, most=most)), 3600)

    assert run.arrived == len(arrivals_s)
    assert run.arrived == run.finished + run.left
    assert (run.waits_s >= 0).all()


def test_the_first_that_comes_is_the_first_that_is_served() -> None:
    run = simulate(np.array([0.0, 0.1, 0.2]), np.array([1.0, 1.0, 1.0]), Fixed(1), 10)

    assert run.waits_s == pytest.approx([0.0, 0.9, 1.8])


def test_replicas_come_after_their_time_and_at_most_twice_as_many_at_once() -> None:
    scaler = Autoscaler(Scaling(fewest=2, most=100, start_s=30, node_start_s=30))

    ready = [scaler.slots(now_s, 1000) for now_s in range(0, 105, 15)]

    assert ready == [2, 2, 6, 12, 24, 48, 96]


def test_replicas_that_need_a_node_come_later_than_those_that_find_room() -> None:
    scaler = Autoscaler(Scaling(fewest=1, most=9, start_s=15, node_start_s=150, down_window_s=0))
    _look(scaler, 0, 300, 90)
    grown = scaler.slots(300, 90)
    _look(scaler, 315, 330, 0)

    again = [scaler.slots(now_s, 90) for now_s in (345, 360, 375)]

    assert grown == 9
    assert again == [1, 5, 9]


def test_replicas_go_when_nobody_asked_for_them_for_the_whole_window() -> None:
    scaler = Autoscaler(Scaling(fewest=1, most=8, start_s=0, node_start_s=0, down_window_s=300))
    _look(scaler, 0, 60, 80)

    left = {now_s: scaler.slots(now_s, 0) for now_s in range(75, 465, 15)}

    assert {count for now_s, count in left.items() if now_s <= 345} == {8}
    assert left[450] == 1


def test_a_backlog_is_worked_off_and_the_replicas_go_again() -> None:
    arrivals_s = np.sort(np.concatenate([np.arange(0, 3600, 2.0), np.linspace(600, 620, 2000)]))

    run = simulate(arrivals_s, np.ones_like(arrivals_s), Autoscaler(Scaling(fewest=2, most=50)), 3600)

    assert run.backlog.max() > 1500
    assert run.slots.max() > 20
    assert run.slots[-1] == 2
    assert run.left < 10
    assert run.slot_s < 0.5 * run.slots.max() * 3600


def test_a_day_brings_what_was_asked_for_and_a_twentieth_of_it_from_cards() -> None:
    came_s = arrivals(np.random.default_rng(1), 100_000)

    assert len(came_s) == pytest.approx(100_000, rel=0.02)
    assert ((came_s >= 0) & (came_s <= DAY_S)).all()
    assert (np.diff(came_s) >= 0).all()
    from_cards = ((came_s >= CARDS_AT_S) & (came_s < CARDS_AT_S + CARDS_LAST_S)).mean()
    assert from_cards == pytest.approx(CARDS_SHARE + (1 - CARDS_SHARE) * CARDS_LAST_S / DAY_S, rel=0.1)


def test_the_pages_tables_are_what_the_measured_costs_say() -> None:
    for mark, lines in arithmetic().items():
        assert marked_table(PAGE, mark) == table("\n".join(lines)), mark


def test_a_simulated_day_is_the_same_every_time_and_a_cell_among_many_like_one_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.benchmarks.scaling.days.CELL", 500)

    alone, among = days(kinds(), [500]), days(kinds(), [5000])

    assert [day.run.slot_s for day in alone] == [day.run.slot_s for day in among]
    assert [10 * day.replica_hours for day in alone] == pytest.approx([day.replica_hours for day in among])


def _look(scaler: Autoscaler, start_s: int, end_s: int, backlog: int) -> None:
    for now_s in range(start_s, end_s, 15):
        scaler.slots(now_s, backlog)


def _poisson(per_s: float, service_s: float, until_s: float, *, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    arrivals_s = np.sort(random.uniform(0, until_s, random.poisson(per_s * until_s)))
    return arrivals_s, random.exponential(service_s, len(arrivals_s))
