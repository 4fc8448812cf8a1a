"""Every hostile case ends as documented, in bounded memory, and the services live on."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.corpus.case import Case
from tests.corpus.names import tiny
from tests.corpus.sending import Doors, Ending, known_recording
from tests.corpus.table import cases
from tests.corpus.usage import Gauge, Usage
from tests.receiver import receiving
from tests.system import System

# A minute where nothing else runs.
pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

MEMORY_LIMIT_MB = 500


@dataclass(frozen=True)
class Sent:
    """How all of them ended, and what it cost."""

    ends: dict[str, Ending]
    usage: Usage
    before: set[int | None]
    after: set[int | None]


@pytest.fixture(scope="module")
def corpus() -> list[Case]:
    """All cases but the requests, which have a test of their own."""
    return list(cases())


@pytest.fixture(scope="module")
def sent(system: System, corpus: list[Case]) -> Iterator[Sent]:
    """All of them, sent to the running system."""
    gauge = Gauge(system.services)
    with receiving() as receiver:
        doors = Doors(system, receiver, known_recording(system, tiny("known to the corpus")))
        gauge.start()
        before = gauge.pids()
        ends = doors.all_sent(corpus)
        yield Sent(ends, gauge.read(), before, gauge.pids())


def test_every_case_ends_as_documented(sent: Sent, corpus: list[Case]) -> None:
    wrong = {case.name: sent.ends[case.name] for case in corpus if sent.ends[case.name].code not in case.ends}

    assert wrong == {}


def test_none_is_answered_as_a_defect_of_ours(sent: Sent) -> None:
    assert {name: ending for name, ending in sent.ends.items() if not ending.is_documented} == {}


def test_no_process_grows_beyond_its_bound(sent: Sent) -> None:
    assert sent.usage.growth_mb < MEMORY_LIMIT_MB


def test_every_service_lives_on_and_a_good_recording_completes(system: System, sent: Sent) -> None:
    found = system.ended(known_recording(system, tiny("after the corpus")).recording_id)

    assert found["status"] == "completed"
    assert sent.after == sent.before
    assert len(sent.after) == len(system.services)


def test_nothing_waits_in_the_queues(system: System, sent: Sent) -> None:
    def waits() -> bool:
        services = system.client.get("/v1/queues").json()["services"]
        waiting = (lane["waiting"] or lane["running"] for each in services for lane in each["lanes"])
        return any(waiting) or any(each["retrying"] or each["parked"] for each in services)

    assert sent.ends
    system.until(lambda: not waits())


def test_there_are_enough_of_them(corpus: list[Case]) -> None:
    assert len({case.name for case in corpus}) == len(corpus) >= 120
