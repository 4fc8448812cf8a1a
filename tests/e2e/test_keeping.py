"""What is lost is announced anew, what nothing names is swept: a stack that looks every moment."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from contracts.topology import EVENTS_EXCHANGE, work_queue_name
from contracts.vocabulary import Lane
from deploy.local.servers import Servers
from tests.audio import tone, write
from tests.system import System, running_system

pytestmark = pytest.mark.servers

BUCKET_BYTES_MAX = 100_000_000
THREE_DAYS_S = 3 * 86_400


@pytest.fixture(scope="module")
def vhost(servers: Servers) -> Iterator[str]:
    """A virtual host of this stack's own: no other's workers take its messages."""
    name = f"keeping-{uuid.uuid4().hex[:8]}"
    where = f"{servers.rabbitmq.management_url}/api/vhosts/{name}"
    httpx.put(where).raise_for_status()
    yield name
    httpx.delete(where).raise_for_status()


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory, servers: Servers, vhost: str) -> Iterator[System]:
    """Four services, with servers' room of their own, that wait for nothing."""
    extra = {
        "AMQP_URL": f"{servers.rabbitmq.url}{vhost}",
        "MONGODB_URL": servers.environment()["MONGODB_URL"].replace("/dawnchorus?", f"/{vhost}?"),
        "S3_BUCKET": vhost,
        "DAWNCHORUS_REANNOUNCE_AFTER_S": "1",
        "DAWNCHORUS_RECONCILE_EVERY_S": "0.5",
        "DAWNCHORUS_SWEEP_EVERY_S": "1",
        "DAWNCHORUS_BUCKET_BYTES_MAX": str(BUCKET_BYTES_MAX),
        "DAWNCHORUS_EXTRACTORS": '["loudness"]',
    }
    with running_system(tmp_path_factory.mktemp("keeping"), servers, extra) as running:
        yield running


def test_a_recording_completes_although_its_event_was_lost_on_the_way_to_one_service(
    keeping: System, servers: Servers, vhost: str, tmp_path: Path
) -> None:
    with _unbound(servers, vhost, work_queue_name("spectrogram", Lane.INTERACTIVE)):
        recording_id = keeping.upload(write(tmp_path / "lost.wav", tone(701.0))).json()["id"]
        keeping.until(lambda: keeping.recording(recording_id)["analysis"]["status"] == "completed")
        meanwhile = keeping.recording(recording_id)["spectrogram"]["status"]

    found = keeping.ended(recording_id)
    assert (meanwhile, found["status"]) == ("queued", "completed")


def test_what_ingest_left_when_it_was_killed_between_object_and_document_is_swept(
    keeping: System, servers: Servers, vhost: str, tmp_path: Path
) -> None:
    audio = servers.s3.state.of("s3") / "objects" / vhost / "audio"
    named = write(tmp_path / "named.wav", tone(702.0))
    kept = keeping.ended(keeping.upload(named).json()["id"])["id"]

    left = _killed_in_between(keeping, audio, tmp_path)
    for recording_id in (left, kept):
        os.utime(audio / recording_id / "original", times=(time.time() - THREE_DAYS_S,) * 2)
    keeping.until(lambda: not (audio / left / "original").exists())

    assert keeping.client.get(f"/v1/recordings/{left}").status_code == 404
    assert keeping.client.get(f"/v1/recordings/{kept}/audio").content == named.read_bytes()


def test_new_work_is_refused_while_storage_is_full_and_taken_again_afterwards(
    keeping: System, servers: Servers, vhost: str, tmp_path: Path
) -> None:
    here = keeping.ended(keeping.upload(write(tmp_path / "before.wav", tone(703.0))).json()["id"])["id"]
    refused = write(tmp_path / "refused.wav", tone(704.0))
    parted = {"name": "long.wav", "size_bytes": BUCKET_BYTES_MAX}
    item = {"uri": f"s3://{vhost}/inbox/default/a.wav"}

    with _storage_full(servers, vhost):
        keeping.until(lambda: keeping.upload(refused).status_code == 507)
        answers = {
            "upload": keeping.upload(refused),
            "parts": keeping.client.post("/v1/uploads", json=parted),
            "batch": keeping.client.post("/v1/batches", json={"name": "b", "items": [item]}),
        }
        still_read = keeping.client.get(f"/v1/recordings/{here}/spectrogram").status_code
    keeping.until(lambda: keeping.upload(refused).is_success)

    assert {name: (a.status_code, a.json()["code"]) for name, a in answers.items()} == dict.fromkeys(
        answers, (507, "storage_full")
    )
    assert all(int(each.headers["retry-after"]) > 0 for each in answers.values())
    assert still_read == 200


def _killed_in_between(system: System, audio: Path, folder: Path) -> str:
    """Kill ingest right after it stored an object, until it happens before the document; return the recording's id."""
    ingest = system.services["ingest"]
    for attempt in range(8):
        path = write(folder / f"killed-{attempt}.wav", tone(710.0 + attempt, duration_s=120.0))
        before = set(audio.iterdir())
        upload = threading.Thread(target=_upload_in_vain, args=(system, path))
        upload.start()
        system.until(lambda seen=before: any((each / "original").exists() for each in set(audio.iterdir()) - seen))
        pid = ingest.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        upload.join()
        system.until(lambda: not ingest.is_running())
        ingest.start()
        ingest.wait_until_ready()
        [stored] = set(audio.iterdir()) - before
        if system.client.get(f"/v1/recordings/{stored.name}").status_code == 404:
            return stored.name
    pytest.fail("ingest was never killed in time")


def _upload_in_vain(system: System, path: Path) -> None:
    system.upload(path)


@contextmanager
def _unbound(servers: Servers, vhost: str, queue: str) -> Iterator[None]:
    """Have a queue hear of no event."""
    where = f"{servers.rabbitmq.management_url}/api/bindings/{vhost}/e/{EVENTS_EXCHANGE}/q/{queue}"
    bindings = httpx.get(where).json()
    for each in bindings:
        httpx.delete(f"{where}/{each['properties_key']}").raise_for_status()
    try:
        yield
    finally:
        for each in bindings:
            httpx.post(where, json={"routing_key": each["routing_key"], "arguments": {}}).raise_for_status()


@contextmanager
def _storage_full(servers: Servers, vhost: str) -> Iterator[None]:
    """Have the sum of what is stored say that there is no room."""
    url = servers.environment()["MONGODB_URL"]
    with MongoClient[dict[str, Any]](url) as client:
        storage = client[vhost]["storage"]
        storage.update_one({"_id": "elsewhere"}, {"$set": {"stored_bytes": BUCKET_BYTES_MAX}}, upsert=True)
        try:
            yield
        finally:
            storage.delete_one({"_id": "elsewhere"})
