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
from tempfile import TemporaryDirectory
from typing import Any

_JOBS = 10
_MEMORY_BYTES = 2**32

Seconds = tuple[float, float]


async def started(recording: Path, scratch: Path, begun_s: float) -> dict[str, Any]:
    """Return wall and CPU seconds: until ready, of parent and child, and of each job in the child."""
    importlib.import_module("services.spectrogram.app")
    jobs, job = importlib.import_module("chassis.jobs"), importlib.import_module("services.spectrogram.job")
    decode, rendering = importlib.import_module("audio.decode"), importlib.import_module("contracts.rendering")
    settings = (decode.AudioLimits(), rendering.RenderParameters())
    async with jobs.open_job_pool(1, _MEMORY_BYTES, job.warm_up) as pool:
        await pool.ready()
        wall_s = time.monotonic() - begun_s
        cpu_s = time.process_time() + await pool.run(time.process_time, timeout_s=60)
        progress = jobs.ProgressFile(scratch / "progress")
        asked = (job.render_recording, recording, "wav", *settings, 0, progress)
        drawn = [await pool.run(timed, *asked, timeout_s=60) for _ in range(_JOBS)]
    return {"ready": (wall_s, cpu_s), "jobs": drawn}


def timed(function: Callable[..., object], *arguments: object) -> Seconds:
    """Return the wall and CPU seconds of a call, in the child."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    function(*arguments)
    return time.perf_counter() - wall_s, time.process_time() - cpu_s


if __name__ == "__main__":
    with TemporaryDirectory(prefix="dawnchorus-bench-") as folder:
        print(json.dumps(asyncio.run(started(Path(sys.argv[1]), Path(folder), float(sys.argv[2])))))  # noqa: T201 - a program
