"""How long a worker takes until it is ready, and its first ten jobs; prints seconds as JSON.

    python -m tests.benchmarks.startup short.wav 1234.5

Children are started as the service starts them. The number is what `time.monotonic` said when this was started.
"""

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_JOBS = 10
_MEMORY_BYTES = 2**32

Seconds = tuple[float, float]


async def started(recording: Path, begun_s: float) -> dict[str, Any]:
    """Return wall and CPU seconds: until ready, of parent and child, and of each job in the child."""
    importlib.import_module("services.spectrogram.app")
    jobs, job = importlib.import_module("chassis.jobs"), importlib.import_module("services.spectrogram.job")
    contenders = importlib.import_module("tests.benchmarks.contenders")
    async with jobs.open_job_pool(1, jobs.Limits(_MEMORY_BYTES), job.warm_up) as pool:
        await pool.ready()
        wall_s = time.monotonic() - begun_s
        cpu_s = time.process_time() + await pool.run(time.process_time, timeout_s=60)
        drawn = [await pool.run(timed, contenders.dawnchorus, recording, timeout_s=60) for _ in range(_JOBS)]
    return {"ready": (wall_s, cpu_s), "jobs": drawn}


def timed(draw: Callable[[Path], None], recording: Path) -> Seconds:
    """Return the wall and CPU seconds of a drawing, in the child."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    draw(recording)
    return time.perf_counter() - wall_s, time.process_time() - cpu_s


if __name__ == "__main__":
    print(json.dumps(asyncio.run(started(Path(sys.argv[1]), float(sys.argv[2])))))  # noqa: T201 - a program
