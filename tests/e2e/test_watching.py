"""A real Prometheus beside the running stack: every panel and every recording rule has something to show."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.audio import tone, write
from tests.spans import SpanSink
from tests.system import System
from tests.watching.expressions import of_dashboards, recorded
from tests.watching.prometheus import Prometheus, running_prometheus

pytestmark = pytest.mark.servers

# Of what happens for the first time a counter has no rate: it is 1 when it is seen first.
ROUNDS = 2
TARGETS = 6


@pytest.fixture(scope="module")
def prometheus(system: System, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has seen a little load in both lanes."""
    folder = tmp_path_factory.mktemp("prometheus")
    with running_prometheus(folder, system.services, servers) as running:
        system.until(lambda: running.healthy_targets() == TARGETS)
        for number in range(ROUNDS):
            _work(system, folder, running, number)
        yield running


def test_every_panel_shows_something(system: System, prometheus: Prometheus) -> None:
    asked = of_dashboards()

    system.until(lambda: all(prometheus.values(each.expression) for each in asked), within_s=90)

    assert [str(each) for each in asked if not prometheus.values(each.expression)] == []


def test_every_recording_rule_says_something(system: System, prometheus: Prometheus) -> None:
    names = recorded()

    system.until(lambda: all(prometheus.values(name) for name in names), within_s=90)

    assert [name for name in names if not prometheus.values(name)] == []


def test_a_point_of_a_panel_leads_to_a_trace_that_was_kept(
    system: System, prometheus: Prometheus, sink: SpanSink
) -> None:
    system.until(lambda: bool(prometheus.exemplars("dawnchorus_end_to_end_seconds_bucket")))

    [*_, exemplar] = prometheus.exemplars("dawnchorus_end_to_end_seconds_bucket")

    system.until(lambda: bool(sink.of_trace(exemplar["labels"]["trace_id"])))


def _work(system: System, folder: Path, prometheus: Prometheus, number: int) -> None:
    before = sum(prometheus.values("dawnchorus_end_to_end_seconds_count"))
    for offset, lane in enumerate(("interactive", "bulk")):
        hz = 3101.0 + 10 * number + offset
        system.ended(system.upload(write(folder / f"{hz}.wav", tone(hz)), lane=lane).json()["id"])
    system.client.get("/v1/recordings").raise_for_status()
    # There is nothing, which counts as well.
    missing = [{"uri": f"s3://dawnchorus/inbox/default/nothing-{number}.wav"}]
    system.client.post("/v1/batches", json={"name": "nothing", "items": missing}).raise_for_status()
    # The next round makes the counters grow that this one has made.
    system.until(lambda: sum(prometheus.values("dawnchorus_end_to_end_seconds_count")) > before)
