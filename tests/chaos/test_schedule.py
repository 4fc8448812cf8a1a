import itertools

import pytest

from .injecting import Injector
from .provoking import SABOTAGED, provoked
from .proxy import Mode
from .schedule import EVERY_REPLICA, REPLICAS, SERVERS, Fault, schedule_of

LONG_S = 900.0


def test_the_same_seed_gives_the_same_faults_and_clocks() -> None:
    assert schedule_of(7, LONG_S) == schedule_of(7, LONG_S)
    assert schedule_of(7, LONG_S) != schedule_of(8, LONG_S)


def test_a_longer_run_goes_on_where_a_shorter_one_ends() -> None:
    short, long = schedule_of(3, 60.0).faults, schedule_of(3, 120.0).faults

    assert long[: len(short)] == short


def test_faults_come_in_order_and_never_twice_at_once_in_one_place() -> None:
    faults = schedule_of(5, LONG_S).faults

    assert list(faults) == sorted(faults, key=lambda fault: fault.at_s)
    for place in {_place(fault) for fault in faults}:
        there = [fault for fault in faults if _place(fault) == place]
        assert all(earlier.until_s <= later.at_s for earlier, later in itertools.pairwise(there))


def test_every_kind_of_fault_comes() -> None:
    kinds = {fault.kind for seed in range(5) for fault in schedule_of(seed, LONG_S).faults}

    processes = {"kill", "pause", "kill_child", "pause_child", "scratch_full"}
    servers = {"memory_alarm", "step_down", "disk_full"}
    assert kinds == processes | servers | {"duplicate", "reorder", "replay"} | (set(Mode) - {Mode.PASS})


def test_every_fault_hits_something_that_there_is() -> None:
    places = {*REPLICAS, *SERVERS, "ingest", "workers", "events"}

    for fault in schedule_of(11, LONG_S).faults:
        who, _, server = fault.target.partition(">")
        assert {who, server} <= places | {EVERY_REPLICA, ""}


def test_no_fault_is_without_an_injector() -> None:
    injector = Injector(None, None)  # type: ignore[arg-type]  # nothing is injected

    for fault in schedule_of(13, LONG_S).faults:
        if ">" not in fault.target:
            assert callable(injector._of_kind(fault.kind))


@pytest.mark.parametrize("name", SABOTAGED)
def test_a_sabotage_changes_some_services_and_has_faults_that_show_it(name: str) -> None:
    plan = provoked(name, [], {})

    assert plan.schedule.faults
    assert plan.patches
    assert plan.patches.keys() < set(REPLICAS)


def _place(fault: Fault) -> str:
    return fault.target.partition(">")[2] or fault.target
