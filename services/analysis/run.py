"""One extractor's way through a recording, apart from the others' failures."""

from collections.abc import Iterator
from contextlib import contextmanager

from .extractors import Accumulator, Extractor
from .measures import Payload
from .results import ExtractorFailure, ExtractorResult
from .shared import SharedBlock
from .stopwatch import Stopwatch

_EXTRACT = "extract"


class ExtractorRun:
    """Feeds one extractor; after its first error it is fed no more."""

    def __init__(self, extractor: Extractor, *, rate_hz: int, channels: int) -> None:
        """Start the extractor on a recording."""
        self._extractor = extractor
        self._stopwatch = Stopwatch()
        self._error: ExtractorFailure | None = None
        self._accumulator: Accumulator | None = None
        with self._guard():
            self._accumulator = extractor.accumulator(rate_hz=rate_hz, channels=channels)

    @property
    def spent_s(self) -> float:
        """Seconds that the extractor took so far."""
        return self._stopwatch.spent_s[_EXTRACT]

    def add(self, block: SharedBlock) -> None:
        """Feed the next block."""
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
            payload=payload,
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
            with self._stopwatch.time(_EXTRACT):
                yield
        except MemoryError:
            # That says something about the machine, not about the recording: the job must crash and be retried.
            raise
        except Exception as error:  # noqa: BLE001 - extractors are plug-ins: whatever one raises, the others stand
            sentence = f"The extractor {self._extractor.name} failed with {type(error).__name__}: {error}"
            self._error = ExtractorFailure(code="extractor_failed", sentence=sentence)
