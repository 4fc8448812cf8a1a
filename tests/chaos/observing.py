"""Reads what is there at the end, from the servers themselves."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pymongo

from contracts.dead_letters import DEAD_LETTERS
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS
from contracts.vocabulary import State
from deploy.local.s3 import BUCKET
from deploy.local.servers import Servers

from .hearing import read_history
from .outcome import outcome
from .recorded import Heard, Observed, Stored, Upload

COLLECTIONS = {"spectrogram": SPECTROGRAMS, "analysis": ANALYSES}
# What was uploaded is known.
AUDIO = "audio/"
TIMEOUT_MS = 5000
TIMEOUT_S = 10.0


def observe(
    servers: Servers,
    uploads: Iterable[Upload],
    reference: Mapping[str, Mapping[str, Any]],
    deaths: Iterable[str] = (),
    *,
    kept: Path | None = None,
) -> Observed:
    """Return all that the checker looks at; the servers must be healthy.

    kept  a folder that gets a copy of every result, under its SHA-256
    """
    with _database(servers) as database:
        recordings = tuple(database[RECORDINGS].find())
        documents = {kind: tuple(database[name].find()) for kind, name in COLLECTIONS.items()}
        parked = database[DEAD_LETTERS].count_documents({})
    return Observed(
        uploads=tuple(uploads),
        recordings=recordings,
        documents=documents,
        heard=tuple(_heard(servers)),
        objects=dict(_objects(servers, kept)),
        reference=reference,
        deaths=tuple(deaths),
        parked=parked + _depth(servers, ".dlq"),
        waiting=_depth(servers, ""),
    )


def reference_of(observed: Observed) -> dict[str, dict[str, Any]]:
    """Return by SHA-256 what came of each recording of a run without faults."""
    found: dict[str, dict[str, Any]] = {}
    known = {each["_id"]: each for each in observed.recordings}
    for upload in observed.uploads:
        if upload.refusal is not None:
            found[upload.sha256] = {"refused": upload.refusal.code}
        for recording_id in upload.acknowledged:
            found[upload.sha256] = outcome(known[recording_id], observed)
    return found


def unfinished(servers: Servers, recording_ids: Iterable[str]) -> list[str]:
    """Return which of these have a task that has not ended, or an event that has not left."""
    with _database(servers) as database:
        ids = list(recording_ids)
        ended: dict[str, int] = dict.fromkeys(ids, 0)
        waiting = {
            each["_id"] for each in database[RECORDINGS].find({"_id": {"$in": ids}, "outbox.0": {"$exists": True}})
        }
        for name in COLLECTIONS.values():
            for task in database[name].find(
                {"recording_id": {"$in": ids}}, {"recording_id": 1, "state": 1, "outbox": 1}
            ):
                is_over = State(task["state"]).is_terminal and not task["outbox"]
                ended[task["recording_id"]] += is_over
    return [each for each in ids if ended[each] < len(COLLECTIONS) or each in waiting]


def depth(servers: Servers) -> int:
    """Return how many messages wait, or are worked on."""
    return _depth(servers, ".work.")


def _depth(servers: Servers, part: str) -> int:
    url = f"{servers.rabbitmq.management_url}/api/queues?columns=name,messages,type"
    queues = httpx.get(url, timeout=TIMEOUT_S).json()
    return sum(each.get("messages", 0) for each in queues if part in each["name"] and each.get("type") == "quorum")


def _heard(servers: Servers) -> Iterator[Heard]:
    for message in read_history(servers.environment()["AMQP_URL"]):
        headers = message.headers
        yield Heard(
            event_id=str(headers.get("ce-id")),
            type=str(headers.get("ce-type")),
            recording_id=str(headers.get("ce-subject")),
            time=str(headers.get("ce-time")),
            body=json.loads(message.body),
        )


def _objects(servers: Servers, kept: Path | None) -> Iterator[tuple[str, Stored]]:
    bucket = servers.s3.state.of(servers.s3.name) / "objects" / BUCKET
    for path in bucket.rglob("*"):
        if path.is_file():
            body, key = path.read_bytes(), str(path.relative_to(bucket))
            stored = Stored(hashlib.sha256(body).hexdigest(), body.decode() if path.suffix == ".json" else None)
            if kept is not None and not key.startswith(AUDIO):
                (kept / stored.sha256).write_bytes(body)
            yield key, stored


@contextmanager
def _database(servers: Servers) -> Iterator[Any]:
    with pymongo.MongoClient[dict[str, Any]](
        servers.mongodb.url, tz_aware=True, serverSelectionTimeoutMS=TIMEOUT_MS, timeoutMS=TIMEOUT_MS
    ) as client:
        yield client.get_default_database()
