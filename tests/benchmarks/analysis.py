"""Compute the same features in many ways, side by side; print a table and write build/bench/analysis.json.

    python -m tests.benchmarks.analysis [--only pitch] [--long]

Every figure is the median of its runs in a worker that has done one before. Ours and essentia's MusicExtractor begin
with the file; librosa and scikit-maad work on an array at 22,050 Hz that is loaded already, and so does the second of
ours. Sets are what librosa has functions for, and what a job has by default. Ratios are of CPU time, which a busy
machine changes less than the wall clock.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .figures import OURS, REPOSITORY, Figure, compared, say, worker_figure

REPORT = REPOSITORY / "build" / "bench" / "analysis.json"
_SETS = ("librosa's without pitch", "librosa's", "without pitch", "default set")
_OF_LIBROSA = ("pitch", "tempo", "onsets", "spectral", "mel", "mfcc", "harmony")
FEATURES = (*_OF_LIBROSA, "indices", *_SETS)
_TEN_SECONDS, _MINUTE, _HOUR, _DAY = 10, 60, 3600, 86_400
# librosa's pYIN holds 10 kB a frame: an hour does not fit.
_CONTENDERS = {
    OURS: set(FEATURES),
    "dawnchorus_array": set(FEATURES) - {"indices"},
    "dawnchorus_loaded": {"indices"},
    "librosa": {*_OF_LIBROSA, *_SETS},
    "scikit_maad": {"indices"},
    "scikit_maad_once": {"indices"},
    "essentia": {"without pitch"},
    "earlier": {"tempo", "pitch", "default set"},
}


@dataclass(frozen=True, slots=True)
class Case:
    """One feature, or a set of them, of one recording."""

    feature: str
    duration_s: int

    def __str__(self) -> str:
        return f"{self.duration_s} s, {self.feature}"


def cases(only: str | None, *, with_long: bool) -> list[Case]:
    """Return a minute of everything, and the whole set of longer recordings."""
    chosen = [Case(feature, _MINUTE) for feature in FEATURES if only in {None, feature}]
    if with_long:
        chosen += [Case(only or "default set", duration_s) for duration_s in (_TEN_SECONDS, _HOUR, _DAY)]
    return chosen


def figures(case: Case, recording: Path) -> list[Figure]:
    """Measure all contenders that take part in `case`."""
    taking_part = [name for name, features in _CONTENDERS.items() if case.feature in features]
    if case.duration_s > _MINUTE:
        taking_part = [OURS]
    return [_figure(case, name, recording) for name in taking_part]


def _figure(case: Case, name: str, recording: Path) -> Figure:
    program = [sys.executable, "-m", "tests.benchmarks.analysis_contenders"]
    return worker_figure(str(case), name, [*program, name, case.feature, str(recording)], runs=_runs(case, name))


def _runs(case: Case, name: str) -> int:
    if case.duration_s > _MINUTE:
        return 1
    slow = name in {"librosa", "earlier"} and case.feature in {"pitch", "librosa's", "default set"}
    return 3 if slow else 5


def _groups(chosen: list[Case], folder: Path) -> Iterator[list[Figure]]:
    for case in chosen:
        recording = folder / f"{case.duration_s}s.wav"
        if not recording.exists():
            rate_hz = "22050" if case.duration_s == _DAY else "44100"
            command = [
                sys.executable,
                "-m",
                "tests.benchmarks.lengthened",
                str(recording),
                str(case.duration_s),
                rate_hz,
            ]
            subprocess.run(command, check=True, cwd=REPOSITORY)
        yield figures(case, recording)


def main() -> None:
    """Run all cases."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", choices=FEATURES, help="one feature, or one set of them")
    asked.add_argument(
        "--long", action="store_true", help="10 s, an hour and a day of ours, too: 4 GB on disk, minutes"
    )
    options = asked.parse_args()
    say(
        "dawnchorus, essentia: from a WAV file at 44.1 kHz. The others: from an array loaded already, at 22.05 kHz "
        "(acoustic indices: 44.1)."
    )
    with tempfile.TemporaryDirectory(prefix="dawnchorus-bench-") as folder:
        compared(_groups(cases(options.only, with_long=options.long), Path(folder)), REPORT)


if __name__ == "__main__":
    main()
