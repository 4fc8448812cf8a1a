"""Break a stack of its own in three ways, and see when alerts fire and end: `python -m tests.watching`.

A worker is stopped, S3 is stopped while somebody goes on uploading, and a message is parked that is no event. The
rules are those that are shipped, with all their waits. Writes build/alerts.json; ends with 1 when an alert did not
fire, or did not end.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import aio_pika
import httpx

from contracts.topology import work_queue_name
from contracts.vocabulary import Lane
from deploy.local.servers import Servers, running_servers
from deploy.local.services import ROOT
from deploy.local.waiting import wait_until
from tests.audio import REPOSITORY, tone, write
from tests.system import System, running_system

from .prometheus import Prometheus, running_prometheus

REPORT = REPOSITORY / "build" / "alerts.json"
WITHIN_S = 900.0
STOPPED = "analysis"
UPLOADS_EVERY_S = 2.0
# What is no event belongs to no project: operators alone see it.
_OPERATOR = [
    *(sys.executable, "-m", "services.gateway", "keys", "create", "--name", "operator"),
    *("--project", "nowhere:reader", "--scope", "operate"),
]


@dataclass(frozen=True)
class Fault:
    """What is broken, which alert says so, and how it is mended."""

    what: str
    alert: str
    do: Callable[[], None]
    mend: Callable[[], None]


@dataclass(frozen=True)
class Seen:
    """When an alert fired after the fault, and was silent after the cure; None: it was not in time."""

    what: str
    alert: str
    fired_after_s: float | None
    silent_after_s: float | None


def main() -> int:
    """Run all three faults, one after another; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="dawnchorus-alerts-") as folder, _watched(Path(folder)) as watched:
        system, servers, prometheus = watched
        seen = [_seen(fault, prometheus) for fault in _faults(system, servers, Path(folder))]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps([asdict(each) for each in seen], indent=2) + "\n")
    for each in seen:
        sys.stdout.write(
            f"{each.what:24} {each.alert:36} fired {each.fired_after_s} s, silent {each.silent_after_s} s\n"
        )
    return int(any(None in (each.fired_after_s, each.silent_after_s) for each in seen))


@contextmanager
def _watched(folder: Path) -> Iterator[tuple[System, Servers, Prometheus]]:
    extra = {"DAWNCHORUS_SAMPLE_S": "2"}
    with (
        running_servers(folder / "servers") as servers,
        running_system(folder / "system", servers, extra) as system,
        running_prometheus(folder / "prometheus", system.services, servers) as prometheus,
    ):
        assert wait_until(lambda: not prometheus.firing() and prometheus.healthy_targets() == 6, timeout_s=WITHIN_S)
        yield system, servers, prometheus


def _faults(system: System, servers: Servers, folder: Path) -> Iterator[Fault]:
    worker = system.services[STOPPED]
    yield Fault(f"{STOPPED} stopped", "DawnchorusQueueWithoutConsumer", worker.stop, worker.start)
    letter = lambda: asyncio.run(_park(servers.rabbitmq.url))  # noqa: E731 (bound here, run later)
    yield Fault("a message parked", "DawnchorusDeadLetters", letter, lambda: _discard(system))
    with _uploading(system, folder):
        yield Fault("S3 stopped", "DawnchorusBreakerOpen", servers.s3.stop, servers.s3.start)


def _seen(fault: Fault, prometheus: Prometheus) -> Seen:
    fault.do()
    fired_after_s = _waited(lambda: fault.alert in prometheus.firing())
    fault.mend()
    silent_after_s = _waited(lambda: fault.alert not in prometheus.firing())
    return Seen(fault.what, fault.alert, fired_after_s, silent_after_s)


def _waited(holds: Callable[[], bool]) -> float | None:
    started_s = time.monotonic()
    return round(time.monotonic() - started_s, 1) if wait_until(holds, timeout_s=WITHIN_S) else None


async def _park(url: str) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = work_queue_name("spectrogram", Lane.BULK)
        await channel.default_exchange.publish(aio_pika.Message(b"this is no event"), routing_key=queue)


def _discard(system: System) -> None:
    key = subprocess.run(_OPERATOR, env=dict(system.environment), cwd=ROOT, capture_output=True, text=True, check=True)
    headers = {"Authorization": f"Bearer {key.stdout.strip()}"}
    with httpx.Client(base_url=system.client.base_url, headers=headers, timeout=WITHIN_S) as operator:
        for letter in operator.get("/v1/dead-letters").raise_for_status().json()["items"]:
            operator.delete(f"/v1/dead-letters/{letter['id']}").raise_for_status()


@contextmanager
def _uploading(system: System, folder: Path) -> Iterator[None]:
    """Upload another recording every other second, whatever comes of it."""
    ended = threading.Event()

    def upload() -> None:
        number = 0
        while not ended.wait(UPLOADS_EVERY_S):
            number += 1
            try:
                system.upload(write(folder / "uploaded.wav", tone(4000.0 + number)))
            except httpx.TransportError:
                continue

    uploading = threading.Thread(target=upload)
    uploading.start()
    try:
        yield
    finally:
        ended.set()
        uploading.join()


if __name__ == "__main__":
    sys.exit(main())
