"""Changes reach the services they are made to, in a process of their own: here they would outlive the test."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.audio import REPOSITORY

from .crashing import INGEST_POINTS, POINTS, RELAY_POINTS, WORKER_POINTS
from .patched import CHANGES
from .provoking import SABOTAGED

CLOCK = """
import datetime, time
real = datetime.datetime.now(datetime.UTC), time.time()
{change}
import services.ingest.drafts as ours
ahead_s = (ours.datetime.now(datetime.UTC) - real[0]).total_seconds()
assert 600 <= ahead_s < 660, ahead_s
assert 600 <= time.time() - real[1] < 660
assert isinstance(real[0], ours.datetime)
assert datetime.datetime.now(datetime.UTC) - real[0] < datetime.timedelta(seconds=60)
"""
FENCE = """
import chassis.tasks
{change}
assert chassis.tasks._held(chassis.tasks.Claim("task", fence=3, attempts=1)) == {{"_id": "task"}}
"""
CONFIRM = """
import chassis.broker
{change}
assert not chassis.broker.Channel(on_return_raises=True).publisher_confirms
assert chassis.broker.Channel(prefetch_count=7).prefetch_count == 7
"""
OUTBOX = """
from services.ingest.recordings import Recordings
before = Recordings.add
{change}
assert Recordings.add is not before
"""
CRASH = """
from chassis.tasks import TaskStore
before = TaskStore.claim
{change}
assert TaskStore.claim is not before
"""
LINGER = """
from chassis.work import Workbench
before = Workbench.store
{change}
assert Workbench.store is not before
"""
SHOWN = {"clock": CLOCK, "fence": FENCE, "confirm": CONFIRM, "outbox": OUTBOX, "crash": CRASH, "linger": LINGER}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_made_to_the_services_own_code(name: str, tmp_path: Path) -> None:
    value = {"clock": "600", "crash": str(tmp_path), "linger": "1"}.get(name, "")
    module, function = CHANGES[name]
    change = f"import sys; sys.argv = ['services.ingest']; import tests.chaos.{module} as m; m.{function}({value!r})"

    script = SHOWN[name].format(change=change)
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)


def test_every_sabotage_is_a_change() -> None:
    assert set(SABOTAGED) < set(CHANGES)


def test_every_step_is_a_fail_point_of_some_service() -> None:
    assert POINTS["ingest"] == INGEST_POINTS
    assert {*POINTS["spectrogram"], *POINTS["analysis"]} == set(WORKER_POINTS)
    assert set(RELAY_POINTS) <= set(INGEST_POINTS) & set(WORKER_POINTS)
