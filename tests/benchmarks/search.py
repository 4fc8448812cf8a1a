"""What a search costs: `python -m tests.benchmarks.search 1000000`, milliseconds per query and per comparison."""

import asyncio
import resource
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial

import numpy as np

from contracts.documents import EMBEDDING_DIMENSIONS
from services.gateway.fingerprints import Fingerprint, common_intervals
from services.gateway.vectors import Embedded, Floats, MappedVectors, VectorQuery

ROUNDS = 9
BATCH = 1000
# As the densest of the real recordings.
LANDMARKS_PER_S = 21


async def main(count: int) -> None:
    """Print what vectors and fingerprints cost; the vectors are of random directions, in ten projects."""
    random = np.random.default_rng(0)
    with closing(MappedVectors()) as vectors:
        started_s = time.perf_counter()
        for start in range(0, count, BATCH):
            rows = _directions(random, min(BATCH, count - start))
            await vectors.put([_embedded(start + index, row) for index, row in enumerate(rows)])
        _say(f"{count} vectors put in {time.perf_counter() - started_s:.1f} s")
        for projects in (1, 10):
            names = tuple(f"p{number}" for number in range(projects))
            [vector] = _directions(random, 1)
            query = VectorQuery(vector, "1", names, 50)
            best_ms = min([await _query_ms(vectors, query) for _ in range(ROUNDS)])
            _say(f"the nearest 50 of {projects} of 10 projects: {best_ms:.1f} ms, best of {ROUNDS}")
        _say(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most, the mapped file included")
    for duration_s in (240, 3600, 86_400):
        compare = partial(common_intervals, _landmarks(random, 60), _landmarks(random, duration_s))
        _say(f"a minute's fingerprint in one of {duration_s} s: {_best_ms(compare):.1f} ms")


async def _query_ms(vectors: MappedVectors, query: VectorQuery) -> float:
    started_s = time.perf_counter()
    await vectors.nearest(query)
    return 1000 * (time.perf_counter() - started_s)


def _best_ms(work: Callable[[], object]) -> float:
    spent_s = []
    for _ in range(ROUNDS):
        started_s = time.perf_counter()
        work()
        spent_s.append(time.perf_counter() - started_s)
    return 1000 * min(spent_s)


def _directions(random: np.random.Generator, count: int) -> Floats:
    rows = random.standard_normal((count, EMBEDDING_DIMENSIONS), dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _embedded(number: int, vector: Floats) -> Embedded:
    return Embedded(f"{number:036d}", f"p{number % 10}", "1", vector.tobytes())


def _landmarks(random: np.random.Generator, duration_s: int) -> Fingerprint:
    count = LANDMARKS_PER_S * duration_s
    frame = np.sort(random.integers(0, duration_s * 22_050 // 512, count))
    return Fingerprint(22_050, frame, random.integers(0, 1 << 24, count))


def _say(line: str) -> None:
    print(line)  # noqa: T201 - a program


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
