"""What each extractor costs: `python -m tests.benchmarks.extractor_costs RECORDING…`, CPU seconds per audio second."""

import sys
import time
from pathlib import Path

import soundfile

from services.analysis.extractors import EXTRACTORS, OPT_IN, Accumulator, Extractor, SeriesSource
from services.analysis.shared import Input, SharedBlock
from tests.unit.analysis.signals import shared_blocks

ROUNDS = 3
SECONDS_AT_MOST = 120


def main(recordings: list[Path]) -> None:
    """Print a line per recording and extractor, the best of three rounds, for one channel."""
    for recording in recordings:
        rate_hz = soundfile.info(recording).samplerate
        channels, _ = soundfile.read(recording, SECONDS_AT_MOST * rate_hz, dtype="float32", always_2d=True)
        blocks = list(shared_blocks(channels[:, :1], rate_hz, needs=tuple(Input)))
        for extractor in (EXTRACTORS | OPT_IN).values():
            cost = min(_cpu_s(extractor, blocks, rate_hz) for _ in range(ROUNDS)) * rate_hz / len(channels)
            line = f"{recording.name}\t{rate_hz} Hz\t{extractor.name}\t{cost:.2e}\tstated {extractor.cost_per_audio_s}"
            print(line)  # noqa: T201 - a program


def _cpu_s(extractor: Extractor, blocks: list[SharedBlock], rate_hz: int) -> float:
    started_s = time.process_time()
    accumulator = extractor.accumulator(rate_hz=rate_hz, channels=1)
    for block in blocks:
        accumulator.add(block)
        _take_series(accumulator)
    accumulator.result()
    _take_series(accumulator)
    return time.process_time() - started_s


def _take_series(accumulator: Accumulator) -> None:
    if isinstance(accumulator, SeriesSource):
        accumulator.series()


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
