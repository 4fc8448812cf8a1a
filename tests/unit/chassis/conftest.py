"""What the chassis's tests may ask for."""

import pytest

from tests.fakes import Bench
from tests.recorded_spans import span_exporter, spans

from .errands import AUDIO

__all__ = ["span_exporter", "spans"]


@pytest.fixture
def bench() -> Bench:
    """Fakes of everything a worker works with, and the recording that the errands fetch."""
    bench = Bench()
    bench.objects.stored["audio"] = AUDIO
    return bench
