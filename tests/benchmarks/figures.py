"""What benchmarks have in common: figures of contenders beside each other, and how a warm worker is measured."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

# Nothing heavy is imported here: a child's peak of memory counts from its parent's size.
REPOSITORY = Path(__file__).resolve().parents[2]
OURS = "dawnchorus"
TIMEOUT_S = 900
# As a job has it: the pool is what uses the cores.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Figure:
    """The medians of one contender in one case; the ratio is of its CPU time to ours."""

    case: str
    contender: str
    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    ratio_to_ours: float | None = None


def worker_figure(case: str, contender: str, command: list[str], *, runs: int) -> Figure:
    """Start a program that ends with `measured`, for `runs` and one more to warm up."""
    heard = subprocess.run(
        [*command, str(1 + runs)],
        check=True,
        capture_output=True,
        timeout=TIMEOUT_S,
        cwd=REPOSITORY,
        env={**os.environ, **ONE_THREAD},
    )
    found = json.loads(heard.stdout)
    walls, cpus = zip(*found["seconds"][1:], strict=True)
    return Figure(case, contender, median(walls), median(cpus), found["peak_rss_mb"])


def measured(work: Callable[[Path], None], recording: Path, runs: int) -> dict[str, Any]:
    """Return the wall and CPU seconds of each run, and the peak of this process's memory."""
    seconds = []
    for _ in range(runs):
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        work(recording)
        seconds.append((time.perf_counter() - wall_s, time.process_time() - cpu_s))
    return {"seconds": seconds, "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def with_ratios(found: list[Figure]) -> list[Figure]:
    """Return the figures of one case, each beside ours."""
    ours = next(figure.cpu_s for figure in found if figure.contender == OURS)
    return [Figure(**{**asdict(figure), "ratio_to_ours": figure.cpu_s / ours}) for figure in found]


def table(found: list[Figure]) -> Iterator[str]:
    """Yield the lines of a table, its head first."""
    yield f"{'case':26} {'contender':20} {'wall s':>8} {'CPU s':>8} {'peak MB':>8} {'CPU to ours':>12}"
    for each in found:
        measures = f"{each.wall_s:8.3f} {each.cpu_s:8.3f} {each.peak_rss_mb:8.0f} {each.ratio_to_ours:12.2f}"
        yield f"{each.case:26} {each.contender:20} {measures}"


def compared(groups: Iterator[list[Figure]], report: Path) -> None:
    """Print a table of the groups as they come, each with its ratios, and write `report`."""
    rows: list[dict[str, Any]] = []
    for found in groups:
        beside = with_ratios(found)
        for line in list(table(beside))[1 if rows else 0 :]:
            say(line)
        rows += [asdict(figure) for figure in beside]
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(rows, indent=1))
    say(f"Written: {report.relative_to(REPOSITORY)}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
