"""Somebody else's server is told what happens."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.audio import tone, write
from tests.receiver import Receiver, Reply, receiving
from tests.system import System

pytestmark = pytest.mark.servers

TYPES = ["analysis.completed.v1", "spectrogram.completed.v1"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server on this machine."""
    with receiving() as listening:
        yield listening


@pytest.fixture
def apart(system: System) -> Iterator[System]:
    """The system as the owner of another project sees it: what other tests sent may still be under way."""
    headers = {"Authorization": f"Bearer {system.key_for('webhooks')}"}
    with httpx.Client(base_url=system.client.base_url, headers=headers, timeout=60) as client:
        yield replace(system, client=client)


def test_a_server_is_told_of_a_recordings_results_once_each_with_signatures_that_hold(
    apart: System, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answering = lambda _: Reply(500 if len(receiver.taken) == 1 else 204)
    made = apart.client.post("/v1/webhooks", json={"url": f"{receiver.url}/hook", "types": TYPES}).json()
    where = f"/v1/webhooks/{made['id']}"
    recording_id = apart.upload(write(tmp_path / "told.wav", tone(733.0))).json()["id"]
    apart.until(lambda: _states(apart, where) == ["delivered", "delivered"])

    told = [json.loads(taken.body) for taken in receiver.taken]
    assert {event["data"]["recording_id"] for event in told} == {recording_id}
    assert sorted({event["type"] for event in told}) == TYPES
    assert len(told) == 3
    for taken in receiver.taken:
        content = f"{taken.headers['webhook-id']}.{taken.headers['webhook-timestamp']}.".encode() + taken.body
        key = base64.b64decode(made["secret"].removeprefix("whsec_"))
        signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
        assert taken.headers["webhook-signature"] == f"v1,{signature}"
    statuses = [[attempt["status"] for attempt in each["attempts"]] for each in _log(apart, where)]
    assert sorted(statuses) == [[204], [500, 204]]
    assert "secret" not in apart.client.get(where).json()
    assert apart.client.delete(where).status_code == 204
    assert apart.client.get(where).status_code == 404


def test_a_ping_shows_whether_a_server_hears(system: System, receiver: Receiver) -> None:
    made = system.client.post("/v1/webhooks", json={"url": receiver.url}).json()
    where = f"/v1/webhooks/{made['id']}"

    answer = system.client.post(f"{where}/ping")

    assert (answer.status_code, answer.json()["type"]) == (202, "webhook.ping")
    system.until(lambda: _states(system, where) == ["delivered"])
    assert system.client.delete(where).status_code == 204


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"url": "https://10.0.0.1/hook"}, 422, "address_refused"),
        ({"url": "http://[::1]/hook"}, 422, "address_refused"),
        ({"url": "file:///etc/passwd"}, 422, "address_refused"),
        ({"url": "https://nowhere.invalid/hook"}, 422, "address_refused"),
        ({"url": "http://127.0.0.1/hook", "types": ["recording.vanished.v1"]}, 400, "unknown_event_type"),
        ({"url": "http://127.0.0.1/hook", "project": "of-others"}, 404, "not_found"),
        ({"types": []}, 400, "bad_request"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused(system: System, wish: dict[str, Any], status: int, code: str) -> None:
    answer = system.client.post("/v1/webhooks", json=wish)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def _log(system: System, where: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = system.client.get(f"{where}/deliveries").json()["items"]
    return items


def _states(system: System, where: str) -> list[str]:
    return [each["state"] for each in _log(system, where)]
