"""An extractor of another package is found, runs, and whatever it does wrong, the others' results stand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from chassis.jobs import JobPool, Limits
from contracts.documents import AnalysisDocument
from contracts.vocabulary import Lane, State
from services.analysis.extractors import EXTRACTORS
from services.analysis.extractors.plugins import by_name, installed_entry_points
from services.analysis.settings import AnalysisSettings
from services.analysis.work import AnalysisWork
from tests.audio import tone, write
from tests.fakes import Bench, InlinePool
from tests.third_party import install
from tests.unit.workers.doing import SERVERS, done

LIMIT_BYTES = 3_000_000_000


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    """Two seconds of a tone."""
    return write(tmp_path / "tone.wav", tone(duration_s=2)).read_bytes()


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Children of the pool inherit this path, and find the package by themselves.
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    for name, extractor in by_name((), installed_entry_points()).items():
        monkeypatch.setitem(EXTRACTORS, name, extractor)


@pytest.fixture
def pool() -> Iterator[InlinePool]:
    """Real children; they have the methods of the fake."""
    made = JobPool(1, Limits(LIMIT_BYTES))
    yield cast("InlinePool", made)
    made.stop()


async def test_an_installed_extractor_runs_beside_ours(wav: bytes, pool: InlinePool) -> None:
    document = await analysed(wav, pool, "levels", "ticks")

    assert document.state is State.COMPLETED
    levels, ticks = document.extractors
    assert ticks["payload"]["tick_share"]["value"] == 0.0
    assert (ticks["version"], ticks["parameters"]) == ("1", {"above": 0.5})
    assert levels["success"]
    assert (ticks["series"]["units"], ticks["series"]["frames"]) == ({"tick_share": "ratio"}, 3)


@pytest.mark.parametrize(
    ("name", "code", "settings"),
    [
        ("ticks_that_fail", "extractor_failed", {}),
        ("ticks_that_hang", "extractor_timeout", {"extractor_timeout_s": 2}),
        ("ticks_that_block", "extractor_timeout", {"job_timeout_s": 8, "job_timeout_per_audio_s": 0}),
        ("ticks_that_crash", "extractor_crashed", {}),
    ],
)
async def test_an_extractor_that_misbehaves_fails_alone_with_its_code(
    name: str, code: str, settings: dict[str, Any], wav: bytes, pool: InlinePool
) -> None:
    document = await analysed(wav, pool, "levels", name, "spectral", **settings)

    levels, theirs, spectral = document.extractors
    assert document.state is State.PARTIAL
    assert document.attempts == 1
    assert (theirs["name"], theirs["success"], theirs["payload"], theirs["error"]["code"]) == (name, False, None, code)
    assert name in theirs["error"]["sentence"]
    assert levels["success"]
    assert spectral["success"]
    assert spectral["payload"]["centroid"]["mean"] > 0


async def analysed(wav: bytes, pool: InlinePool, *extractors: str, **settings: Any) -> AnalysisDocument:
    bench = Bench(pools={Lane.INTERACTIVE: pool})
    work = AnalysisWork(AnalysisSettings(**SERVERS, extractors=extractors, **settings))
    document = await done(bench, work, wav)
    assert isinstance(document, AnalysisDocument)
    stored = json.loads(bench.objects.stored[str(document.manifest_key)])["extractors"]
    assert [each["payload"] for each in stored] == [each["payload"] for each in document.extractors]
    return document
