"""One pass over a recording, through every extractor that was asked for."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

from audio.decode import AudioLimits, AudioStream, open_audio
from audio.sniff import Container

from .extractors import Extractor, extractors_named
from .on_device import SpectraDevice
from .plan import Plan
from .results import Analysis, AnalysisWarning, ExtractorResult, Span
from .run import ExtractorRun
from .segments import SegmentGrid, segment_grid
from .shared import SharedBlock, SharedInputs
from .stopwatch import Stopwatch
from .witness import Witness

_PROGRESS_STEP = 0.01

T = TypeVar("T")


def analyse(
    source: Path | BinaryIO,
    container: Container,
    limits: AudioLimits,
    plan: Plan,
    on_progress: Callable[[float], None],
    device: SpectraDevice | None = None,
) -> Analysis:
    """Decode the recording once and run the extractors of the plan over it, in memory that its length does not decide.

    `on_progress` hears the share done, in [0, 1], at most a hundred times. Spectra are computed on `device`, where
    there is one, as far as it gets.

    An extractor that raises, or takes too long, is reported in its result. Raises `UnknownExtractorError`,
    `InvalidExtractorParametersError`, and what `audio.errors` says of recordings that cannot be decoded.
    """
    extractors = extractors_named(plan.extractors, plan.parameters)
    with open_audio(source, container, limits) as stream:
        run = _Pass(stream, extractors, plan, _Progress(stream.expected_frames, on_progress), device)
        run.consume()
        return run.analysis()


class _Pass:
    """The recording, the inputs computed from it once, and the extractors that read them."""

    def __init__(
        self,
        stream: AudioStream,
        extractors: Sequence[Extractor],
        plan: Plan,
        progress: "_Progress",
        device: SpectraDevice | None,
    ) -> None:
        self._stream = stream
        self._progress = progress
        self._stopwatch = Stopwatch()
        self._segmentation = plan.segments
        shape = stream.format
        needs = {extractor.needs for extractor in extractors}
        self._inputs = SharedInputs(rate_hz=shape.rate_hz, needs=needs, device=device)
        self._witness = Witness(plan.scratch)
        self._runs = [self._started(index, extractor, plan) for index, extractor in enumerate(extractors)]

    def consume(self) -> None:
        for decoded in self._timed("decode", self._stream.blocks()):
            for block in self._timed("shared", self._inputs.push(decoded, scale=self._stream.scale)):
                self._feed(block)
            self._progress.reach(self._stream.decoded_frames)
        for block in self._timed("shared", self._inputs.finish(channels=self._stream.format.channels)):
            self._feed(block)

    def analysis(self) -> Analysis:
        duration_s = self._stream.decoded_frames / self._stream.format.rate_hz
        grid = segment_grid(self._segmentation, duration_s) if self._segmentation.wants_segments else None
        results = tuple(self._ended(index, grid) for index in range(len(self._runs)))
        self._progress.finish()
        return Analysis(
            extractors=results,
            decoded_frames=self._stream.decoded_frames,
            duration_s=duration_s,
            rate_hz=self._stream.format.rate_hz,
            channels=self._stream.format.channels,
            segments=grid,
            span=Span(start_s=0.0, end_s=duration_s),
            warnings=tuple(self._warnings()),
            timings_s={**self._stopwatch.spent_s, "extract": sum(result.processing_time_s for result in results)},
            device=self._inputs.computed_on,
        )

    def _started(self, index: int, extractor: Extractor, plan: Plan) -> ExtractorRun:
        shape = self._stream.format
        # By number: a name of somebody else's need not be one for a file.
        path = plan.scratch / f"extractor-{index}" if plan.scratch is not None else None
        with self._witness.watching(index):
            return ExtractorRun(extractor, plan, rate_hz=shape.rate_hz, channels=shape.channels, path=path)

    def _ended(self, index: int, grid: SegmentGrid | None) -> ExtractorResult:
        with self._witness.watching(index):
            # What it held is free for the next one's end.
            return self._runs.pop(0).result(grid)

    def _timed(self, part: str, pieces: Iterator[T]) -> Iterator[T]:
        while True:
            with self._stopwatch.time(part):
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def _feed(self, block: SharedBlock) -> None:
        for index, run in enumerate(self._runs):
            with self._witness.watching(index):
                run.add(block)

    def _warnings(self) -> Iterator[AnalysisWarning]:
        if self._stream.truncation is not None:
            yield AnalysisWarning("truncated", f"The recording ends early: {self._stream.truncation}.")
        if self._inputs.device_failure is not None:
            sentence = f"{self._inputs.device_failure} The rest was computed on the CPU."
            yield AnalysisWarning("device_failed", sentence)


class _Progress:
    def __init__(self, expected_frames: int | None, on_progress: Callable[[float], None]) -> None:
        self._expected_frames = expected_frames
        self._on_progress = on_progress
        self._told = 0.0

    def reach(self, frames: int) -> None:
        if not self._expected_frames:
            return
        # A header may claim too little: only `finish` says that all is done.
        share = min(frames / self._expected_frames, 1 - _PROGRESS_STEP)
        if share >= self._told + _PROGRESS_STEP:
            self._told = share
            self._on_progress(share)

    def finish(self) -> None:
        self._on_progress(1.0)
