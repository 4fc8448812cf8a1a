"""What is accepted ends, although servers stop and workers are killed."""

import os
import signal
from pathlib import Path

import httpx
import numpy as np
import pytest

from deploy.local.servers import Servers
from tests.audio import tone, write
from tests.e2e.listening import history
from tests.system import System

pytestmark = pytest.mark.servers


def test_a_recording_is_accepted_while_the_broker_is_down_and_completes_when_it_is_back(
    system: System, servers: Servers, tmp_path: Path
) -> None:
    servers.rabbitmq.stop()
    try:
        answer = system.upload(write(tmp_path / "brokerless.wav", tone(612.0)))
        status = system.recording(answer.json()["id"])["status"]
    finally:
        servers.rabbitmq.start()
        servers.rabbitmq.wait_until_ready()

    found = system.ended(answer.json()["id"])
    assert answer.status_code == 202
    assert status == "queued"
    assert found["status"] == "completed"
    system.until(lambda: all(httpx.get(f"{each.url}/readyz").is_success for each in system.services.values()))


def test_while_a_worker_is_away_readers_hear_that_the_result_is_not_there_yet(system: System, tmp_path: Path) -> None:
    worker = system.services["spectrogram"]
    worker.stop()
    try:
        recording_id = system.upload(write(tmp_path / "later.wav", tone(613.0))).json()["id"]
        answer = system.client.get(f"/v1/recordings/{recording_id}/spectrogram")
    finally:
        worker.start()
        worker.wait_until_ready()

    assert answer.status_code == 202
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["status"] == "queued"
    assert system.ended(recording_id)["status"] == "completed"


def test_a_recording_completes_once_although_its_worker_is_killed_in_mid_job(
    system: System, servers: Servers, tmp_path: Path
) -> None:
    worker = system.services["spectrogram"]
    noise = np.random.default_rng(7).normal(0, 0.1, (44_100 * 600, 1)).astype(np.float32)
    recording_id = system.upload(write(tmp_path / "long.wav", noise, subtype="PCM_16")).json()["id"]
    system.until(lambda: system.recording(recording_id)["spectrogram"]["status"] == "processing")

    pid = worker.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    system.until(lambda: not worker.is_running())
    worker.start()
    worker.wait_until_ready()

    found = system.ended(recording_id, within_s=90)
    assert found["status"] == "completed"
    assert found["spectrogram"]["attempts"] == 2
    amqp_url = servers.environment()["AMQP_URL"]
    system.until(lambda: _completions(amqp_url, recording_id) > 0)
    assert _completions(amqp_url, recording_id) == 1


def _completions(amqp_url: str, recording_id: str) -> int:
    return sum(
        message.headers.get("ce-type") == "spectrogram.completed.v1"
        for message in history(amqp_url)
        if message.headers.get("ce-subject") == recording_id
    )
