"""A job with a GPU: the manifest says what computed it, its identity does not, and whatever happens, it completes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from chassis.errors import JobCrashedError, JobTimeoutError
from contracts.documents import AnalysisDocument
from contracts.vocabulary import Lane, State
from services.analysis.gpu_search import has_gpu
from services.analysis.plan import Plan
from services.analysis.schedule import Schedule
from services.analysis.settings import AnalysisSettings
from services.analysis.work import AnalysisWork
from tests.audio import tone, write
from tests.fakes import Bench, InlinePool
from tests.torch_device import FakeGpu, torch, torch_stft
from tests.unit.workers.doing import SERVERS, done

T = TypeVar("T")

SETTINGS = AnalysisSettings(**SERVERS, extractors=("loudness", "spectral", "mfcc"), device="cuda")


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    """Two seconds of a tone."""
    return write(tmp_path / "tone.wav", tone(duration_s=2)).read_bytes()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    """The only GPU of this machine."""
    made = FakeGpu()
    monkeypatch.setattr(torch_stft, "Cuda", lambda: made)
    return made


async def test_the_manifest_says_what_computed_it_and_with_what(wav: bytes, gpu: FakeGpu) -> None:
    document, engine = await analysed(wav)

    assert gpu.given
    assert (document.state, document.warnings) == (State.COMPLETED, ())
    assert engine["device"] == "cuda"
    assert engine["libraries"]["torch"] == torch.__version__


async def test_the_device_is_no_part_of_what_identifies_a_result(wav: bytes, gpu: FakeGpu) -> None:
    with_gpu, _ = await analysed(wav)

    without, engine = await analysed(wav, has_gpu=False)

    assert (engine["device"], "torch" in engine["libraries"]) == ("cpu", False)
    assert with_gpu.parameters_id == without.parameters_id
    assert [each["series"] and each["series"]["uri"] for each in with_gpu.extractors] == [
        each["series"] and each["series"]["uri"] for each in without.extractors
    ]


async def test_a_gpu_whose_memory_others_have_is_done_without_and_the_document_says_so(
    wav: bytes, gpu: FakeGpu
) -> None:
    gpu.frames_max = 0

    document, engine = await analysed(wav)

    assert (document.state, document.attempts, engine["device"]) == (State.COMPLETED, 1, "cpu")
    assert [each.code for each in document.warnings] == ["device_failed"]


async def test_a_gpu_that_is_gone_when_the_job_begins_is_done_without(wav: bytes) -> None:
    document, engine = await analysed(wav)

    assert (document.state, engine["device"], document.warnings) == (State.COMPLETED, "cpu", ())


@pytest.mark.parametrize("error", [JobCrashedError("signal 11"), JobTimeoutError(10)])
async def test_a_gpu_that_ends_the_process_is_done_without(wav: bytes, gpu: FakeGpu, error: Exception) -> None:
    with capture_logs() as logs:
        document, engine = await analysed(wav, pool=Fragile(error))

    assert (document.state, document.attempts, engine["device"]) == (State.COMPLETED, 1, "cpu")
    assert {"event": "gpu_ended_job", "reason": str(error), "log_level": "warning"} in logs


async def test_there_is_a_gpu_where_pytorch_finds_one_and_it_says_why_it_does_not() -> None:
    with capture_logs() as logs:
        found = await has_gpu("auto", InlinePool())  # type: ignore[arg-type]  # it has the pool's methods

    assert found == torch.cuda.is_available()
    assert found or logs[0]["reason"].startswith("No GPU can be used: ")


class Fragile(InlinePool):
    """Children that a GPU kills."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def run(self, function: Callable[..., T], *arguments: Any, timeout_s: float) -> T:
        if any(isinstance(each, Plan) and each.gpu for each in arguments):
            raise self._error
        return await super().run(function, *arguments, timeout_s=timeout_s)


async def analysed(
    wav: bytes, *, has_gpu: bool = True, pool: InlinePool | None = None
) -> tuple[AnalysisDocument, dict[str, Any]]:
    schedule = Schedule(SETTINGS)
    schedule.has_gpu = has_gpu
    bench = Bench(pools={Lane.INTERACTIVE: pool or InlinePool()})
    document = await done(bench, AnalysisWork(SETTINGS, schedule=schedule), wav)
    assert isinstance(document, AnalysisDocument)
    return document, json.loads(bench.objects.stored[str(document.manifest_key)])["engine"]
