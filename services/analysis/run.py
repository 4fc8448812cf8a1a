"""One extractor's way through a recording, apart from the others' failures."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chassis.errors import says_full

from .budget import OutOfTime, alarm
from .extractors import Accumulator, AttachmentSource, Extractor, OptIn, SeriesSource
from .measures import Payload
from .plan import Plan
from .results import AttachmentFile, ExtractorFailure, ExtractorResult, SeriesFile
from .segments import SERIES_MAX, SegmentCutter, SegmentGrid
from .series_file import SeriesWriter
from .shared import SharedBlock
from .stopwatch import Stopwatch

_EXTRACT = "extract"


class ExtractorRun:
    """Feeds one extractor; after its first error, or once its time is spent, it is fed no more."""

    def __init__(self, extractor: Extractor, plan: Plan, *, rate_hz: int, channels: int, path: Path | None) -> None:
        """Start the extractor on a recording; its series and its attachment go to `path`, each with a suffix."""
        self._extractor = extractor
        self._rate_hz = rate_hz
        self._budget = plan.budget
        self._segmentation = plan.segments
        self._path = path
        self._heard_frames = 0
        self._stopwatch = Stopwatch()
        self._error: ExtractorFailure | None = None
        self._accumulator: Accumulator | None = None
        self._source: SeriesSource | None = None
        self._writer: SeriesWriter | None = None
        self._cutter: SegmentCutter | None = None
        with self._guard():
            self._accumulator = extractor.accumulator(rate_hz=rate_hz, channels=channels)
            if isinstance(self._accumulator, SeriesSource):
                self._take_series(self._accumulator)

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
            self._pass_series_on()

    def result(self, grid: SegmentGrid | None = None) -> ExtractorResult:
        """Return the extractor's payload, or its failure; and what it says of the segments of `grid`."""
        payload = self._payload()
        segments = self._segments(grid)
        series = self._series()
        attachment = self._attachment()
        if segments is not None and self._segmentation.mode == "segments":
            payload = None
        return ExtractorResult(
            name=self._extractor.name,
            version=self._extractor.version,
            parameters=self._extractor.parameters,
            success=self._error is None,
            payload=payload if self._error is None else None,
            error=self._error,
            processing_time_s=self.spent_s,
            series=series,
            attachment=attachment if self._error is None else None,
            segments=segments if self._error is None else None,
            licence=self._extractor.licence if isinstance(self._extractor, OptIn) else None,
        )

    def _payload(self) -> Payload | None:
        if self._accumulator is None or self._error is not None:
            return None
        with self._guard():
            payload = self._accumulator.result()
            self._pass_series_on()
            return payload
        return None

    def _take_series(self, source: SeriesSource) -> None:
        self._source = source
        if self._path is not None:
            self._writer = SeriesWriter(self._path.with_suffix(".parquet"), source.series_units)
        if self._segmentation.wants_segments and len(source.series_units) <= SERIES_MAX:
            self._cutter = SegmentCutter(self._segmentation, source.series_units)

    def _pass_series_on(self) -> None:
        block = self._source.series() if self._source is not None else None
        if block is None:
            return
        if self._writer is not None:
            self._writer.add(block)
        if self._cutter is not None:
            self._cutter.add(block)

    def _segments(self, grid: SegmentGrid | None) -> dict[str, Any] | None:
        if self._cutter is None or grid is None or self._error is not None:
            return None
        with self._guard():
            return self._cutter.result(grid)
        return None

    def _series(self) -> SeriesFile | None:
        if self._writer is None:
            return None
        with self._guard():
            if self._error is None:
                return self._writer.finish()
        self._writer.abandon()
        return None

    def _attachment(self) -> AttachmentFile | None:
        if not isinstance(self._accumulator, AttachmentSource) or self._path is None or self._error is not None:
            return None
        with self._guard():
            content = self._accumulator.attachment()
            if content is None:
                return None
            path = self._path.with_suffix(".attachment")
            with path.open("wb") as file:
                file.writelines(content)
            return AttachmentFile(str(path), self._accumulator.media_type, path.stat().st_size)
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
        except Exception as error:  # extractors are plug-ins: whatever one raises, the others stand
            if says_full(error):
                # That, too, is the machine's.
                raise
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
