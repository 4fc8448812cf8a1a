"""What a worker does whose disk is full."""

from pathlib import Path

import pytest

from chassis import scratch
from chassis.errors import ScratchFullError
from chassis.work import Workbench
from contracts.vocabulary import State
from tests.fakes import Bench

from .errands import TASK, Errand, carry_out


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for room."""
    monkeypatch.setattr(scratch, "WAITED_S", 0.0)
    monkeypatch.setattr(scratch, "_LOOKED_AGAIN_S", 0.0)


async def test_a_disk_that_becomes_full_in_mid_job_costs_no_attempt_and_keeps_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    folders: list[Path] = []

    async def fill(workbench: Workbench) -> None:
        folders.append(workbench.scratch)
        _overflow()

    for _ in range(5):
        with pytest.raises(ScratchFullError):
            await carry_out(bench, Errand(fill))
    await carry_out(bench, Errand())

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["attempts"]) == (State.COMPLETED, 1)
    assert [each.exists() for each in folders] == [False] * 5


async def test_above_the_watermark_nothing_is_begun(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "disk_used_ratio", lambda folder: 1.01)
    errand = Errand()

    with pytest.raises(ScratchFullError):
        await carry_out(bench, errand)

    assert (errand.performed, TASK in bench.tasks.documents) == (0, False)


def _overflow() -> None:
    Path("/dev/full").write_bytes(b"too much")
