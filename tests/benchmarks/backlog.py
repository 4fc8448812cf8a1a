"""Preload a work queue with messages, then let one worker drain it; write build/bench/backlog.json.

    python -m tests.benchmarks.backlog [--messages 10000] [--to-compute 100]

Most of the messages are about tasks that have ended, as after a replay; a share is about recordings that must be
rendered. While the worker drains the queue, RabbitMQ's management says how many messages it holds unacknowledged, and
the kernel how much memory the service's own process has.
"""

import argparse
import asyncio
import hashlib
import json
import sys
import tempfile
import time
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import aio_pika
import httpx

from chassis.documents import Database, open_database
from chassis.objects import open_object_store
from chassis.settings import ServiceSettings
from contracts.envelope import envelop, event_id, to_message
from contracts.events import RecordingUploaded
from contracts.objects import audio_key
from contracts.rendering import RenderParameters
from contracts.topology import WORK_EXCHANGE, replay_key, work_queue_name
from contracts.vocabulary import Lane, State
from deploy.local.ports import free_ports
from deploy.local.servers import Servers, running_servers
from deploy.local.services import Service
from deploy.local.state import StateFolder
from tests.audio import REPOSITORY, tone, write

REPORT = REPOSITORY / "build" / "bench" / "backlog.json"
SERVICE = "spectrogram"
QUEUE = work_queue_name(SERVICE, Lane.BULK)
SLOTS = 2
SAMPLE_S = 0.5
# RabbitMQ's management looks every 5 s: what it says is older than so many of our looks at most.
STALE_SAMPLES = 20
PARAMETERS_ID = RenderParameters().parameters_id


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: messages that wait, messages that the worker holds, and its memory."""

    at_s: float
    ready: int
    unacked: int
    resident_bytes: int


async def preload(servers: Servers, settings: ServiceSettings, messages: int, to_compute: int) -> list[str]:
    """Store recordings and tasks, and publish a message for each; return the recordings that must be rendered."""
    with tempfile.TemporaryDirectory() as folder:
        body = write(Path(folder) / "a.wav", tone(880.0)).read_bytes()
    events = [_event(body) for _ in range(messages)]
    every = max(1, messages // max(1, to_compute))
    computed = [event for number, event in enumerate(events) if number % every == 0][:to_compute]
    async with open_database(settings) as database, open_object_store(settings) as objects:
        await objects.ensure_bucket()
        for event in computed:
            await objects.put(audio_key(event.recording_id), body, "application/octet-stream")
        await _store(database, events, {event.recording_id for event in computed})
    async with await aio_pika.connect(servers.environment()["AMQP_URL"]) as connection:
        exchange = await (await connection.channel()).get_exchange(WORK_EXCHANGE)
        for event in events:
            message = to_message(envelop(event, source="test", id_=event_id(event)))
            content = message.body if isinstance(message.body, bytes) else str(message.body).encode()
            await exchange.publish(
                aio_pika.Message(content, headers=dict(message.headers), delivery_mode=2),
                replay_key(SERVICE, Lane.BULK),
            )
    return [event.recording_id for event in computed]


async def drained(servers: Servers, worker: Service) -> list[Sample]:
    """Start the worker and look until nothing waits any more."""
    began_s, samples = time.monotonic(), []
    where = f"{servers.rabbitmq.management_url}/api/queues/%2F/{QUEUE}"
    async with httpx.AsyncClient() as management:
        while len(samples) < STALE_SAMPLES or any(each.ready + each.unacked for each in samples[-STALE_SAMPLES:]):
            said = (await management.get(where)).json()
            counts = said.get("messages_ready", 1), said.get("messages_unacknowledged", 0)
            samples.append(Sample(round(time.monotonic() - began_s, 1), *counts, _resident_bytes(worker)))
            await asyncio.sleep(SAMPLE_S)
    return samples


async def attempts_of(settings: ServiceSettings, computed: list[str]) -> list[int]:
    """Return, once they have ended, how often each that had to be rendered was tried."""
    async with open_database(settings) as database:
        ids = [f"{recording_id}/{PARAMETERS_ID}" for recording_id in computed]
        ended = database[f"{SERVICE}s"].find({"_id": {"$in": ids}, "state": State.COMPLETED})
        return [document["attempts"] async for document in ended]


async def measured(folder: Path, servers: Servers, *, messages: int, to_compute: int) -> dict[str, object]:
    """Return the figures."""
    environment = {**servers.environment(), "DAWNCHORUS_BULK_SLOTS": str(SLOTS), "DAWNCHORUS_INTERNAL_TOKEN": "-"}
    worker = Service(SERVICE, StateFolder(folder), next(free_ports()), environment)
    settings = ServiceSettings(**{name: environment[name] for name in _SERVERS})  # type: ignore[arg-type]
    try:
        # It declares the queues.
        worker.start()
        await asyncio.to_thread(worker.wait_until_ready)
        await asyncio.to_thread(worker.stop)
        computed = await preload(servers, settings, messages, to_compute)
        worker.start()
        samples = await drained(servers, worker)
        attempts = await attempts_of(settings, computed)
    finally:
        await asyncio.to_thread(worker.stop)
    resident = [sample.resident_bytes for sample in samples if sample.resident_bytes]
    return {
        "messages": messages,
        "drained_s": samples[-1].at_s,
        "slots": SLOTS,
        "unacked_max": max(sample.unacked for sample in samples),
        "resident_max_bytes": max(resident),
        "rendered": len(attempts),
        "to_render": len(computed),
        "attempts_max": max(attempts, default=0),
        "samples": [asdict(sample) for sample in samples],
    }


_SERVERS = ("AMQP_URL", "MONGODB_URL", "S3_ENDPOINT_URL", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_BUCKET")


async def _store(database: Database, events: list[RecordingUploaded], computed: set[str]) -> None:
    recordings = [{"_id": event.recording_id, **event.identity(), "state": "stored"} for event in events]
    tasks = [
        {
            "_id": f"{event.recording_id}/{PARAMETERS_ID}",
            **event.subject_facts(),
            "state": State.COMPLETED,
            "attempts": 1,
            "fence": 1,
            "runs": 1,
            "completed_at": event.uploaded_at,
        }
        for event in events
        if event.recording_id not in computed
    ]
    await database["recordings"].insert_many(recordings)
    await database[f"{SERVICE}s"].insert_many(tasks)


def _event(body: bytes) -> RecordingUploaded:
    return RecordingUploaded(
        recording_id=str(uuid.uuid4()),
        project_id="default",
        lane=Lane.BULK,
        sha256=hashlib.sha256(body).hexdigest(),
        size_bytes=len(body),
        uploaded_at=datetime.now(UTC),
        container="wav",
        codec="pcm_16",
        rate_hz=44_100,
        channels=1,
        duration_claimed_s=1.0,
    )


def _resident_bytes(worker: Service) -> int:
    try:
        status = Path(f"/proc/{worker.process.pid}/status").read_text()
    except FileNotFoundError:
        return 0
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def main() -> int:
    """Measure, print, and fail where more was held than there are slots, or anything was tried twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--to-compute", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dawnchorus-backlog-") as folder:
        place = Path(folder)
        with running_servers(place / "servers") as servers:
            found = asyncio.run(
                measured(place / "worker", servers, messages=asked.messages, to_compute=asked.to_compute)
            )
    for name, value in found.items():
        if name != "samples":
            sys.stdout.write(f"{name}: {value}\n")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=2))
    whole = found["rendered"] == found["to_render"] and found["attempts_max"] in (0, 1)
    return int(not whole or int(str(found["unacked_max"])) > SLOTS)


if __name__ == "__main__":
    sys.exit(main())
