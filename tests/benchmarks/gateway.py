"""Measure the gateway from outside, over the whole stack on loopback; write build/bench/gateway.json.

    python -m tests.benchmarks.gateway [--only live] [--events 200] [--clients 500] [--requests 2000] [--large-mb 2000]

reads    of one recording's status and images, eight at once, by one client process
live     events are published one by one, and the clock starts before each: to one client, then to many, of which one
         takes nothing from its connection
uploads  of 1 MB, at 1, 8 and 32 at once, while no worker runs
memory   of gateway and ingest, while one large recording passes through them, and no worker runs

Clients, publisher, services and servers share the machine; the client's own time is in the latencies.
"""

import argparse
import asyncio
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from deploy.local.servers import running_servers
from tests.audio import REPOSITORY
from tests.benchmarks.figures import say
from tests.benchmarks.gateway_figures import Figure, Memory, memory_table, table
from tests.benchmarks.gateway_live import live_figures
from tests.benchmarks.gateway_load import memory_figures, read_figures, upload_figures, without_workers
from tests.system import System, running_system

REPORT = REPOSITORY / "build" / "bench" / "gateway.json"
# In this order: the last two are without the workers, which the reads need.
PARTS = ("reads", "live", "uploads", "memory")
# Quotas would be what is measured.
SETTINGS = {
    **{f"DAWNCHORUS_{name}_PER_MINUTE": "0" for name in ("READS", "UPLOADS", "STREAMS")},
    "DAWNCHORUS_LISTENER_STALL_S": "5",
    "DAWNCHORUS_MAX_UPLOAD_BYTES": "5000000000",
    # rclone hashes an object before it gives its first byte.
    "DAWNCHORUS_PROBE_TIMEOUT_S": "300",
    "DAWNCHORUS_INGEST_TIMEOUT_S": "300",
}


def measure(system: System, folder: Path, options: argparse.Namespace) -> tuple[list[Figure], list[Memory]]:
    """Return what was asked for."""
    figures: list[Figure] = []
    if "reads" in options.only:
        figures += read_figures(system, folder, options.requests)
    if "live" in options.only:
        figures += asyncio.run(live_figures(system, options.events, options.clients))
    without_workers(system)
    if "uploads" in options.only:
        figures += upload_figures(system, options.requests // 10)
    memories = memory_figures(system, options.large_mb * 1_000_000) if "memory" in options.only else []
    return figures, memories


def main() -> None:
    """Start the stack, measure, stop it; print the tables."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    asked.add_argument("--events", type=int, default=200)
    asked.add_argument("--clients", type=int, default=500)
    asked.add_argument("--requests", type=int, default=2000)
    asked.add_argument("--large-mb", type=int, default=2000)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="dawnchorus-bench-") as scratch:
        folder = Path(scratch)
        with (
            running_servers(folder / "servers") as servers,
            running_system(folder / "system", servers, SETTINGS) as system,
        ):
            figures, memories = measure(system, folder, options)
    for line in (*table(figures), "", *memory_table(memories)):
        say(line)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    found = {"latencies": [asdict(each) for each in figures], "memory": [asdict(each) for each in memories]}
    REPORT.write_text(json.dumps(found, indent=1))
    say(f"\nWritten: {REPORT.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
