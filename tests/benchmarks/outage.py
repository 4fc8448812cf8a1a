"""Upload while the broker is down; write build/bench/outage.json.

    python -m tests.benchmarks.outage [--seconds 120] [--around-s 20] [--every-s 0.5]

One client sends tones, each another, before RabbitMQ is stopped, while it is away, and after it is back. Measured are
the answers' latencies in each phase, how many events wait in the outbox when it comes back, and how long it then takes
until none waits any more.
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import numpy as np

from chassis.documents import Database, open_database
from chassis.settings import ServiceSettings
from deploy.local.servers import Servers, running_servers
from tests.audio import REPOSITORY, tone, write
from tests.component.polling import eventually
from tests.system import System, running_system

REPORT = REPOSITORY / "build" / "bench" / "outage.json"
PHASES = ("before", "away", "after")
DRAIN_TIMEOUT_S = 600.0
UNLIMITED = {f"DAWNCHORUS_{name}_PER_MINUTE": "0" for name in ("READS", "WRITES", "UPLOADS")}
_SERVERS = ("AMQP_URL", "MONGODB_URL", "S3_ENDPOINT_URL", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_BUCKET")


@dataclass
class Uploads:
    """What one client saw, by phase: seconds until each 202, and how many answers were none."""

    client: httpx.AsyncClient
    phase: str = PHASES[0]
    latencies_s: dict[str, list[float]] = field(default_factory=lambda: {phase: [] for phase in PHASES})
    refused: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    async def send(self, every_s: float) -> None:
        """Send for ever."""
        for body in _tones():
            await self._send(body)
            await asyncio.sleep(every_s)

    async def _send(self, body: bytes) -> None:
        phase, began_s = self.phase, time.monotonic()
        try:
            answer = await self.client.post("/v1/recordings", params={"name": "a.wav"}, content=body)
        except httpx.TransportError as error:
            self.refused.append(repr(error))
            return
        self.latencies_s[phase].append(time.monotonic() - began_s)
        if answer.status_code == httpx.codes.ACCEPTED:
            self.accepted.append(answer.json()["id"])
            return
        self.refused.append(f"{answer.status_code} {answer.text[:200]}")


async def measured(
    system: System, servers: Servers, *, seconds: float, around_s: float, every_s: float
) -> dict[str, object]:
    """Stop the broker for so long, and return the figures."""
    environment = servers.environment()
    settings = ServiceSettings(**{name: environment[name] for name in _SERVERS})  # type: ignore[arg-type]
    headers = {**system.client.headers, "Content-Type": "application/octet-stream"}
    async with (
        open_database(settings) as database,
        httpx.AsyncClient(base_url=system.client.base_url, headers=headers, timeout=60) as client,
    ):
        uploads = Uploads(client)
        sending = asyncio.create_task(uploads.send(every_s))
        await asyncio.sleep(around_s)
        uploads.phase = "away"
        await asyncio.to_thread(servers.rabbitmq.stop)
        await asyncio.sleep(seconds)
        waiting = await _waiting(database)
        await asyncio.to_thread(servers.rabbitmq.start)
        await asyncio.to_thread(servers.rabbitmq.wait_until_ready)
        uploads.phase, back_s = "after", time.monotonic()
        await eventually(partial(_has_left, database, list(uploads.accepted)), within_s=DRAIN_TIMEOUT_S)
        drained_s = time.monotonic() - back_s
        await asyncio.sleep(around_s)
        if sending.done():
            sending.result()
        sending.cancel()
    return {
        "away_s": seconds,
        "accepted": len(uploads.accepted),
        "refused": len(uploads.refused),
        "reasons": sorted(set(uploads.refused)),
        "waiting": waiting,
        "drained_s": round(drained_s, 1),
        **{f"{phase}_{name}": value for phase in PHASES for name, value in _figures(uploads.latencies_s[phase])},
    }


async def _waiting(database: Database) -> int:
    return await database["recordings"].count_documents({"outbox.event_id": {"$exists": True}})


async def _has_left(database: Database, accepted: list[str]) -> bool:
    wanted = {"_id": {"$in": accepted}, "outbox.event_id": {"$exists": True}}
    return await database["recordings"].find_one(wanted, {"_id": 1}) is None


def _figures(latencies_s: list[float]) -> Iterator[tuple[str, float]]:
    if not latencies_s:
        return
    for name, percent in (("p50_ms", 50), ("p99_ms", 99)):
        yield name, round(1000 * float(np.percentile(latencies_s, percent)), 1)
    yield "count", len(latencies_s)


def _tones() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        for number in itertools.count():
            yield write(Path(folder) / "a.wav", tone(200.0 + 0.5 * number)).read_bytes()


def main() -> int:
    """Measure, print, and fail where an upload was refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--around-s", type=float, default=20)
    parser.add_argument("--every-s", type=float, default=0.5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dawnchorus-outage-") as folder:
        place = Path(folder)
        with (
            running_servers(place / "servers") as servers,
            running_system(place / "system", servers, UNLIMITED) as system,
        ):
            how = {"seconds": asked.seconds, "around_s": asked.around_s, "every_s": asked.every_s}
            found = asyncio.run(measured(system, servers, **how))
    for name, value in found.items():
        sys.stdout.write(f"{name}: {value}\n")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=2))
    return int(bool(found["refused"]))


if __name__ == "__main__":
    sys.exit(main())
