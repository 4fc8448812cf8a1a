"""One extractor's way through a recording, apart from the others' failures."""

from collections.abc import Iterator
from contextlib import contextmanager

from .budget import Budget, OutOfTime, alarm
from .extractors import Accumulator, Extractor
from .measures import Payload
from .results import ExtractorFailure, ExtractorResult
from .shared import SharedBlock
from .stopwatch import Stopwatch

_EXTRACT = "extract"


class ExtractorRun:
    """Feeds one extractor; after its first error, or once its time is spent, it is fed no more."""

    def __init__(self, extractor: Extractor, *, rate_hz: int, channels: int, budget: Budget) -> None:
        """Start the extractor on a recording."""
        self._extractor = extractor
        self._rate_hz = rate_hz
        self._budget = budget
        self._heard_frames = 0
        self._stopwatch = Stopwatch()
        self._error: ExtractorFailure | None = None
        self._accumulator: Accumulator | None = None
        with self._guard():
            self._accumulator = extractor.accumulator(rate_hz=rate_hz, channels=channels)

    @property
    def spent_s(self) -> float:
        """Seconds that the extractor took so far."""
        return self._stopwatch.spent_s.get(_EXTRACT, 0.0)

    def add(self, block: SharedBlock) -> None:
        """Feed the next block."""
        self._heard_frames += len(block.samples)
        if self._accumulator is None or self._error is not None:
            return
        with self._guard():
            self._accumulator.add(block)

    def result(self) -> ExtractorResult:
        """Return the extractor's payload, or its failure."""
        payload = self._payload()
        return ExtractorResult(
            name=self._extractor.name,
            version=self._extractor.version,
            parameters=self._extractor.parameters,
            success=self._error is None,
            payload=payload if self._error is None else None,
            error=self._error,
            processing_time_s=self.spent_s,
        )

    def _payload(self) -> Payload | None:
        if self._accumulator is None or self._error is not None:
            return None
        with self._guard():
            return self._accumulator.result()
        return None

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            with self._stopwatch.time(_EXTRACT), alarm(self._left_s()):
                yield
        except MemoryError:
            # That says something about the machine, not about the recording: the job must crash and be retried.
            raise
        except OutOfTime:
            self._error = self._timeout()
        except Exception as error:  # noqa: BLE001 - extractors are plug-ins: whatever one raises, the others stand
            sentence = f"The extractor {self._extractor.name} failed with {type(error).__name__}: {error}"
            self._error = ExtractorFailure(code="extractor_failed", sentence=sentence)
        if self._error is None and self._left_s() <= 0:
            self._error = self._timeout()

    def _left_s(self) -> float:
        return self._budget.allowed_s(self._heard_frames / self._rate_hz) - self.spent_s

    def _timeout(self) -> ExtractorFailure:
        heard_s = self._heard_frames / self._rate_hz
        allowed_s = self._budget.allowed_s(heard_s)
        sentence = (
            f"The extractor {self._extractor.name} was stopped after {self.spent_s:.1f} s, "
            f"{heard_s:.1f} s into the recording; it may take {allowed_s:.1f} s until there."
        )
        return ExtractorFailure(code="extractor_timeout", sentence=sentence)
