"""Send recordings through the whole stack and look when their results can be seen; write build/bench/latency.json.

    python -m tests.benchmarks.latency [--count 100] [--backlog 500]

A real recording of 10 s goes in by the interactive lane, one copy after the other, each when the last one's results
were all read: first with nothing else to do, then with a backlog in the bulk lane. The clock starts before the upload.
A client listens to the recording's live events (SSE) and gets a result when its event comes; no polling interval is
in the figures. Client, gateway, services and servers share the machine.
"""

import argparse
import asyncio
import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import aio_pika

from contracts.topology import CONSUMERS, work_queue_name
from contracts.vocabulary import Lane
from deploy.local.servers import running_servers
from tests.audio import REPOSITORY, recordings_folder
from tests.benchmarks.latency_client import RESULTS, Copies, Journey, Visitor, visiting
from tests.system import System, running_system

REPORT = REPOSITORY / "build" / "bench" / "latency.json"
RECORDING = "birds_10s.wav"
MEASURES = ("accepted", *RESULTS)
WORKERS = tuple(CONSUMERS)
_UPLOADS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure of one case, in seconds from the first byte of the upload, over `count` recordings.

    waiting  messages in the bulk queues of both workers when the first recording was sent, and after the last one
    load     the machine's load average over the minute before the first one: above the number of its cores, others
             work on it, and only the cases' ratio tells anything
    """

    case: str
    measure: str
    count: int
    p50_s: float
    p99_s: float
    max_s: float
    waiting_before: int
    waiting_after: int
    load: float


@dataclass(frozen=True, slots=True)
class Case:
    """What was found with one backlog."""

    name: str
    journeys: list[Journey]
    waiting_before: int
    waiting_after: int
    load: float

    def figures(self) -> Iterator[Figure]:
        for measure in MEASURES:
            times_s = sorted(journey.seen_s[measure] for journey in self.journeys)
            yield Figure(
                self.name,
                measure,
                len(times_s),
                p50_s=nearest_rank(times_s, 0.5),
                p99_s=nearest_rank(times_s, 0.99),
                max_s=times_s[-1],
                waiting_before=self.waiting_before,
                waiting_after=self.waiting_after,
                load=self.load,
            )

    def stages(self) -> dict[str, float]:
        """Return the median of each stage as the workers report it."""
        names = self.journeys[0].stages_s
        return {name: median(journey.stages_s[name] for journey in self.journeys) for name in names}


def nearest_rank(ascending: list[float], share: float) -> float:
    """Return the smallest value that at least `share` of all do not exceed."""
    return ascending[math.ceil(share * len(ascending)) - 1]


def measured(system: System, count: int, backlog: int) -> Iterator[Case]:
    """Measure without a backlog, and with one."""
    copies = Copies(recordings_folder() / RECORDING)
    headers = {"Authorization": system.client.headers["Authorization"]}
    with visiting(str(system.client.base_url), headers) as (runner, visitor):
        for name, bulk in {"idle": 0, f"backlog of {backlog}" if backlog else "idle": backlog}.items():
            if bulk:
                _fill_bulk_lane(system, runner, visitor, copies, bulk)
            before, load = _waiting(system), os.getloadavg()[0]
            journeys = [runner.run(visitor.journey(copies.next())) for _ in range(count)]
            yield Case(name, journeys, before, _waiting(system), load)


def _fill_bulk_lane(system: System, runner: asyncio.Runner, visitor: Visitor, copies: Copies, count: int) -> None:
    """Send recordings by the bulk lane while no worker runs, so that the backlog stands whole when they start."""
    for name in WORKERS:
        system.services[name].stop()
    runner.run(_upload_all(visitor, [copies.next() for _ in range(count)]))
    system.until(lambda: _waiting(system) == count * len(WORKERS))
    for name in WORKERS:
        system.services[name].start()
    for name in WORKERS:
        system.services[name].wait_until_ready()


async def _upload_all(visitor: Visitor, bodies: list[bytes]) -> None:
    slots = asyncio.Semaphore(_UPLOADS_AT_ONCE)

    async def upload(body: bytes) -> None:
        async with slots:
            await visitor.upload(body, Lane.BULK)

    async with asyncio.TaskGroup() as uploading:
        for body in bodies:
            uploading.create_task(upload(body))


def _waiting(system: System) -> int:
    """Return how many messages the bulk queues of both workers hold that nobody has taken."""
    return asyncio.run(_ready_messages(system.environment["AMQP_URL"]))


async def _ready_messages(amqp_url: str) -> int:
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        names = [work_queue_name(service, Lane.BULK) for service in WORKERS]
        queues = [await channel.declare_queue(name, passive=True) for name in names]
        return sum(queue.declaration_result.message_count or 0 for queue in queues)


def table(cases: list[Case]) -> Iterator[str]:
    """Yield a Markdown table, in milliseconds, and what the workers say of their stages."""
    yield "| case | from upload to | p50 ms | p99 ms | slowest ms |"
    yield "|---|---|---:|---:|---:|"
    for case in cases:
        for each in case.figures():
            shown = (f"{1000 * value_s:.0f}" for value_s in (each.p50_s, each.p99_s, each.max_s))
            yield f"| {each.case} | {each.measure} | {' | '.join(shown)} |"
    for case in cases:
        stages = ", ".join(f"{name} {1000 * spent_s:.0f}" for name, spent_s in case.stages().items())
        waited = f"{case.waiting_before} bulk tasks waited before, {case.waiting_after} after"
        yield f"\n{case.name}: {waited}; load {case.load:.1f}. Medians, ms: {stages}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Start the stack, measure, stop it; print the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--count", type=int, default=100, help="recordings measured in each case")
    asked.add_argument("--backlog", type=int, default=500, help="recordings in the bulk lane; 0: only the idle case")
    options = asked.parse_args()
    cases: list[Case] = []
    with tempfile.TemporaryDirectory(prefix="dawnchorus-bench-") as scratch:
        folder = Path(scratch)
        with running_servers(folder / "servers") as servers, running_system(folder / "system", servers, {}) as system:
            cases.extend(measured(system, options.count, options.backlog))
    for line in table(cases):
        _say(line)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    figures = [asdict(figure) for case in cases for figure in case.figures()]
    stages = {case.name: case.stages() for case in cases}
    REPORT.write_text(json.dumps({"figures": figures, "stages_s": stages}, indent=1))
    _say(f"\nWritten: {REPORT.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
