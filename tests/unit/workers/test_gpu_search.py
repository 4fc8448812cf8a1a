"""A GPU is looked for once, where jobs run; where there is none, the log says why and nothing else changes."""

import sys
from collections.abc import Callable
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

import services.analysis
from chassis.errors import JobCrashedError
from chassis.jobs import JobPool
from services.analysis.errors import NoGpuError
from services.analysis.gpu_search import has_gpu
from tests.fakes import InlinePool


class Children(InlinePool):
    """Children that answer as they are told."""

    def __init__(self, answer: str | Exception) -> None:
        super().__init__()
        self._answer = answer

    async def run(self, function: Callable[..., Any], *arguments: Any, timeout_s: float) -> Any:
        def answered() -> str:
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return await super().run(answered, timeout_s=timeout_s)


@pytest.mark.parametrize("wanted", ["cuda", "auto"])
async def test_a_gpu_that_is_there_is_named(wanted: Any) -> None:
    found, logs = await asked(wanted, Children("Fake 3000"))

    assert (found, logs) == (True, [{"event": "gpu_found", "model": "Fake 3000", "log_level": "info"}])


@pytest.mark.parametrize(("wanted", "level"), [("cuda", "warning"), ("auto", "info")])
@pytest.mark.parametrize("error", [NoGpuError("the driver is too old"), JobCrashedError("signal 11")])
async def test_without_one_the_log_says_why_louder_where_it_was_asked_for(
    wanted: Any, level: str, error: Exception
) -> None:
    found, logs = await asked(wanted, Children(error))

    assert (found, logs) == (False, [{"event": "gpu_missing", "reason": str(error), "log_level": level}])


async def test_nobody_asks_where_none_is_wanted() -> None:
    children = InlinePool()

    assert await asked("cpu", children) == (False, [])
    assert children.jobs == 0


async def test_without_pytorch_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "services.analysis.torch_stft", raising=False)
    monkeypatch.delattr(services.analysis, "torch_stft", raising=False)

    found, [line] = await asked("cuda", InlinePool())

    assert not found
    assert line["reason"].startswith("No GPU can be used: PyTorch cannot be imported: ")


async def asked(wanted: Any, pool: InlinePool) -> tuple[bool, list[Any]]:
    with capture_logs() as logs:
        found = await has_gpu(wanted, cast("JobPool", pool))
    return found, list(logs)
