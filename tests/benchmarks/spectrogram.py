"""Draw the same recordings in many ways, side by side; print a table and write build/bench/spectrogram.json.

    python -m tests.benchmarks.spectrogram [--only wav] [--day]

Every figure is the median of its runs. A `process` is started for each run and measured whole; a `worker` has drawn
once before it is measured. Ratios are of CPU time, which a busy machine changes less than the wall clock.
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .figures import OURS, REPOSITORY, TIMEOUT_S, Figure, compared, say, worker_figure

REPORT = REPOSITORY / "build" / "bench" / "spectrogram.json"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_PEERS = frozenset({"earlier", "specshow"})
WIDTH, HEIGHT = 1600, 400
# The earlier code holds 6.6 MB per second of audio, and specshow more: an hour does not fit.
_LONGEST_WAV_S = {"earlier": 600, "specshow": _MINUTE}
_LONGEST_COMPRESSED_S = {"earlier": _MINUTE, "specshow": 0}
_NEEDS = {"earlier": "matplotlib", "specshow": "matplotlib"}
_STARTS = 3


@dataclass(frozen=True, slots=True)
class Case:
    """One recording, drawn by whole processes or by a warm worker."""

    duration_s: int
    suffix: str
    how: str

    @property
    def rate_hz(self) -> int:
        # A day in the field is often recorded so, and takes 3.8 GB instead of 7.6.
        return 22_050 if self.duration_s == _DAY else 44_100

    def __str__(self) -> str:
        return f"{self.duration_s} s {self.suffix}, {self.how}"


def cases(only: str | None, *, with_day: bool) -> list[Case]:
    durations = {"wav": (10, _MINUTE, 600, _HOUR), "flac": (_MINUTE, 600), "mp3": (_MINUTE, 600)}
    durations |= {"ogg": (_MINUTE, 600), "m4a": (_MINUTE, 600)}
    if with_day:
        durations["wav"] += (_DAY,)
    chosen = {only: durations[only]} if only else durations
    return [
        Case(duration_s, suffix, how)
        for suffix, each in chosen.items()
        for duration_s in each
        for how in ("worker", "process")
        # Starting up matters where the drawing is short.
        if how == "worker" or (suffix == "wav" and duration_s <= _MINUTE)
    ]


def figures(case: Case, recording: Path, scratch: Path) -> Iterator[Figure]:
    """Measure all contenders that take part in `case`."""
    for name in (OURS, "dawnchorus_and_tiles", "earlier", "specshow", "transforms_alone", "decoding_alone"):
        if not _takes_part(case, name):
            continue
        try:
            yield _python_figure(case, name, recording)
        except subprocess.CalledProcessError:
            if name not in _PEERS:
                raise
            # librosa reads M4A with ffmpeg's program, where there is one.
            say(f"{name} as installed here cannot draw {case}")
    for name, command in _commands(case, recording, scratch / "image.png").items():
        if not shutil.which(command[0]):
            continue
        try:
            yield _command_figure(case, name, command)
        except subprocess.CalledProcessError:
            # sox is often installed without MP3.
            say(f"{name} as installed here cannot draw {case}")


def start_up(recording: Path) -> Iterator[Figure]:
    """Measure how long a worker takes until it is ready, and whether its first job is as fast as its tenth."""
    command = [sys.executable, "-m", "tests.benchmarks.startup", str(recording)]
    runs = []
    for _ in range(_STARTS):
        begun = [*command, str(time.monotonic())]
        heard = subprocess.run(begun, check=True, capture_output=True, timeout=TIMEOUT_S, cwd=REPOSITORY)
        found = json.loads(heard.stdout)
        runs.append([found["ready"], found["jobs"][0], found["jobs"][-1]])
    for contender, seconds in zip(("ready", "first_job", OURS), zip(*runs, strict=True), strict=True):
        walls, cpus = zip(*seconds, strict=True)
        yield Figure("start-up, tenth job: ours", contender, median(walls), median(cpus), 0)


def _takes_part(case: Case, name: str) -> bool:
    longest_s = _LONGEST_WAV_S if case.suffix == "wav" else _LONGEST_COMPRESSED_S
    if (name.endswith("_alone") or name == "dawnchorus_and_tiles") and case.how == "process":
        return False
    return case.duration_s <= longest_s.get(name, _DAY) and _is_there(name)


def _python_figure(case: Case, name: str, recording: Path) -> Figure:
    command = [sys.executable, "-m", "tests.benchmarks.contenders", name, str(recording)]
    if case.how == "process":
        return _command_figure(case, name, [*command, "1"])
    return worker_figure(str(case), name, command, runs=_runs(case, name))


def _command_figure(case: Case, name: str, command: list[str]) -> Figure:
    runs = [_whole_process(command) for _ in range(_runs(case, name))]
    walls, cpus, peaks = zip(*runs, strict=True)
    return Figure(str(case), name, median(walls), median(cpus), max(peaks))


def _whole_process(command: list[str]) -> tuple[float, float, float]:
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=REPOSITORY)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def _runs(case: Case, name: str) -> int:
    if name in _NEEDS:
        return 3 if case.duration_s <= _MINUTE and case.how == "worker" else 1
    return 5 if case.duration_s <= _MINUTE else 2 if case.duration_s < _HOUR else 1


def _commands(case: Case, recording: Path, image: Path) -> dict[str, list[str]]:
    """Return what sox and ffmpeg are asked for, which have no other form than a process.

    sox reads no MP4; ffmpeg takes minutes unless the height is a power of two.
    """
    commands = {}
    if case.suffix != "m4a":
        # 1025 rows make sox transform 2048 samples. It spreads as many windows as fit over the columns.
        commands["sox"] = [
            *("sox", str(recording), "-n", "remix", "1", "spectrogram", "-r"),
            *("-x", str(WIDTH), "-y", "1025", "-w", "Hann", "-o", str(image)),
        ]
    if case.duration_s < _DAY:
        # It keeps its whole spectrum: 0.7 GB an hour.
        commands["ffmpeg"] = [
            *("ffmpeg", "-v", "error", "-y", "-i", str(recording), "-lavfi"),
            *(f"showspectrumpic=s={WIDTH}x1024:legend=0", str(image)),
        ]
    return commands


def _lengthened(folder: Path, case: Case) -> Path:
    target = folder / f"{case.duration_s}s.{case.suffix}"
    if not target.exists():
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.lengthened",
            str(target),
            str(case.duration_s),
            str(case.rate_hz),
        ]
        subprocess.run(command, check=True, cwd=REPOSITORY)
    return target


def _is_there(name: str) -> bool:
    return name not in _NEEDS or importlib.util.find_spec(_NEEDS[name]) is not None


def _missing() -> Iterator[str]:
    for program in ("sox", "ffmpeg"):
        if not shutil.which(program):
            yield f"{program} is not installed, so it does not take part: apt-get install {program}"
    if not _is_there("earlier"):
        yield "matplotlib is not installed, so librosa's ways do not take part: pip install -r requirements/bench.txt"


def _groups(chosen: list[Case], scratch: Path) -> Iterator[list[Figure]]:
    for case in chosen:
        yield list(figures(case, _lengthened(scratch, case), scratch))
    yield list(start_up(_lengthened(scratch, Case(10, "wav", "worker"))))


def main() -> None:
    """Run all cases; ours draws three images, everybody else one."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", choices=["wav", "flac", "mp3", "ogg", "m4a"], help="one codec")
    asked.add_argument(
        "--day", action="store_true", help="24 hours of WAV at 22.05 kHz too: 3.8 GB on disk, some minutes"
    )
    options = asked.parse_args()
    for sentence in _missing():
        say(sentence)
    say(
        "Ours: three images, up to 6400x600, a waveform and peaks; windows of 2048 at a hop of 256 or less. "
        f"The others: one image of {WIDTH}x{HEIGHT} or so; librosa's at a hop of 512, sox's at what its width asks for."
    )
    with tempfile.TemporaryDirectory(prefix="dawnchorus-bench-") as folder:
        compared(_groups(cases(options.only, with_day=options.day), Path(folder)), REPORT)


if __name__ == "__main__":
    main()
