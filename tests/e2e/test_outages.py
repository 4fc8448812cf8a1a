"""While a server is away nothing is lost, no attempt is spent, and what can be served is served."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.rabbitmq import RabbitMQ
from deploy.local.servers import Servers
from deploy.local.services import Service
from tests.audio import tone, write
from tests.system import System

pytestmark = [pytest.mark.servers, pytest.mark.timeout(400)]

CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
OPEN = 2.0
WITHIN_S = 120.0


def test_without_s3_work_waits_unharmed_and_statuses_are_served(
    system: System, servers: Servers, tmp_path: Path
) -> None:
    worker = system.services["spectrogram"]
    with _halted(worker):
        ids = [system.upload(write(tmp_path / f"{hz}.wav", tone(hz))).json()["id"] for hz in (631.25, 632.25, 633.25)]
        servers.s3.stop()
    try:
        system.until(lambda: _breaker(worker, "s3") == OPEN, within_s=WITHIN_S)
        system.until(lambda: _breaker(system.services["gateway"], "s3") == OPEN, within_s=WITHIN_S)
        refused = system.upload(write(tmp_path / "refused.wav", tone(634.25)))
        during = [system.recording(recording_id)["spectrogram"] for recording_id in ids]
        health = system.client.get("/v1/health/services/storage")
    finally:
        servers.s3.start()
        servers.s3.wait_until_ready()

    ended = [system.ended(recording_id, within_s=WITHIN_S)["spectrogram"] for recording_id in ids]
    assert (refused.status_code, refused.json()["code"]) == (503, "object_store_unavailable")
    assert 0 < int(refused.headers["retry-after"]) <= 10
    assert {each["status"] for each in during} == {"queued"}
    assert [(each["status"], each["attempts"]) for each in ended] == [("completed", 1)] * 3
    assert (health.status_code, health.json()["health"]["service"]["breaker"]) == (503, "open")


def test_without_mongodb_requests_are_refused_at_once_and_work_goes_on_afterwards(
    system: System, servers: Servers, tmp_path: Path
) -> None:
    worker, gateway = system.services["spectrogram"], system.services["gateway"]
    with _halted(worker):
        recording_id = system.upload(write(tmp_path / "kept.wav", tone(635.25))).json()["id"]
        servers.mongodb.stop()
    try:
        system.until(lambda: _breaker(worker, "mongodb") == OPEN, within_s=WITHIN_S)
        system.until(lambda: _breaker(gateway, "mongodb") == OPEN, within_s=WITHIN_S)
        refused = [system.client.get(f"/v1/recordings/{recording_id}") for _ in range(20)]
        alive = [httpx.get(f"{gateway.url}{path}").status_code for path in ("/livez", "/readyz", "/metrics")]
    finally:
        servers.mongodb.start()
        servers.mongodb.wait_until_ready()

    assert {(each.status_code, each.json()["code"]) for each in refused} == {(503, "database_unavailable")}
    assert all(0 < int(each.headers["retry-after"]) <= 10 for each in refused)
    assert alive == [200, 200, 200]
    system.until(lambda: _breaker(gateway, "mongodb") == 0.0, within_s=WITHIN_S)
    found = system.ended(recording_id, within_s=WITHIN_S)
    assert (found["status"], found["spectrogram"]["attempts"]) == ("completed", 1)


def test_uploads_are_taken_while_the_broker_takes_no_messages(system: System, servers: Servers, tmp_path: Path) -> None:
    ingest = system.services["ingest"]
    with _out_of_memory(servers.rabbitmq):
        answers = [system.upload(write(tmp_path / f"{hz}.wav", tone(hz))) for hz in (636.25, 637.25)]
        system.until(lambda: _breaker(ingest, "rabbitmq") == OPEN, within_s=WITHIN_S)
        answers.append(system.upload(write(tmp_path / "638.wav", tone(638.25))))

    ended = [system.ended(each.json()["id"], within_s=WITHIN_S) for each in answers]
    assert {each.status_code for each in answers} == {202}
    assert {each["status"] for each in ended} == {"completed"}
    system.until(lambda: _breaker(ingest, "rabbitmq") == 0.0, within_s=WITHIN_S)


@contextmanager
def _halted(service: Service) -> Iterator[None]:
    """Have a service do nothing for a while: what is sent to it waits at its door."""
    pid = service.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def _out_of_memory(rabbitmq: RabbitMQ) -> Iterator[None]:
    """Have the broker believe that its memory is used up: it goes on delivering, and takes nothing."""
    _control(rabbitmq, "set_vm_memory_high_watermark", "0")
    try:
        yield
    finally:
        _control(rabbitmq, "set_vm_memory_high_watermark", "0.4")


def _control(rabbitmq: RabbitMQ, *words: str) -> None:
    environment = os.environ | rabbitmq._node_environment()
    subprocess.run([CONTROL, *words], env=environment, check=True, capture_output=True, timeout=WITHIN_S)


def _breaker(service: Service, dependency: str) -> float | None:
    answer = httpx.get(f"{service.url}/metrics").text
    wanted = f'dawnchorus_breaker_state{{dependency="{dependency}"}} '
    values: list[Any] = [line.removeprefix(wanted) for line in answer.splitlines() if line.startswith(wanted)]
    return float(values[0]) if values else None
