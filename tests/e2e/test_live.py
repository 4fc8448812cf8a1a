"""Who listens misses nothing and hears nothing twice, whatever happens to the gateway."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.waiting import wait_until
from tests.audio import tone, write
from tests.e2e.listening import live_messages
from tests.system import System

pytestmark = pytest.mark.servers

ENDED = {"recording.uploaded.v1", "spectrogram.completed.v1", "analysis.completed.v1"}


class Client:
    """Listens, and whenever its stream ends listens again from the last event that it heard."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self.listening = threading.Event()
        self.last_id: str | None = None
        self.heard: list[dict[str, Any]] = []
        self.resyncs = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=30)

    def kinds(self, recording_id: str) -> set[str]:
        return {event["type"] for event in self.heard if event["subject"] == recording_id}

    def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow()
            except httpx.TransportError:
                self._stopped.wait(0.2)

    def _follow(self) -> None:
        headers = {} if self.last_id is None else {"Last-Event-ID": self.last_id}
        with httpx.Client(base_url=self._system.client.base_url, headers=self._system.client.headers) as client:
            for message in live_messages(client, headers=headers):
                self.listening.set()
                self.resyncs += message.get("event") == "resync"
                if "id" in message:
                    self.heard.append(message["data"])
                    self.last_id = message["id"]
                if self._stopped.is_set():
                    return


def test_clients_that_listen_while_the_gateway_is_killed_know_what_the_documents_say(
    system: System, tmp_path: Path
) -> None:
    clients = [Client(system) for _ in range(5)]
    with _all_listening(clients):
        sent = [_send(system, tmp_path, 300 + number) for number in range(3)]
        _until(lambda: all(client.last_id is not None for client in clients))
        _kill(system, "gateway")
        system.services["gateway"].start()
        system.services["gateway"].wait_until_ready()
        sent += [_send(system, tmp_path, 400 + number) for number in range(3)]

        _until(lambda: all(client.kinds(each) >= ENDED for client in clients for each in sent))

    assert {system.recording(each)["status"] for each in sent} == {"completed"}
    for client in clients:
        ids = [event["id"] for event in client.heard]
        assert client.resyncs == 0
        assert len(ids) == len(set(ids))
        for recording_id in sent:
            of_it = [event for event in client.heard if event["subject"] == recording_id]
            assert of_it == _history(system, recording_id)


def test_the_history_of_a_recording_is_read_in_parts(system: System, tmp_path: Path) -> None:
    recording_id = _send(system, tmp_path, 500)
    system.ended(recording_id)
    system.until(lambda: len(_history(system, recording_id)) == len(ENDED))

    events, cursor = [], None
    while True:
        page = system.client.get(
            f"/v1/recordings/{recording_id}/history", params={"limit": 1, **({"cursor": cursor} if cursor else {})}
        ).json()
        events += page["events"]
        if (cursor := page["next_cursor"]) is None:
            break

    assert events[0]["type"] == "recording.uploaded.v1"
    assert {event["type"] for event in events} == ENDED


def test_a_stream_of_some_types_has_no_others(system: System, tmp_path: Path) -> None:
    query = {"type": "analysis.completed.v1", "project": "default"}
    with httpx.Client(base_url=system.client.base_url, headers=system.client.headers) as client:
        messages = live_messages(client, **query)
        next(messages)
        recording_id = _send(system, tmp_path, 501)

        heard = next(message for message in messages if "id" in message)

    assert (heard["event"], heard["data"]["subject"]) == ("analysis.completed.v1", recording_id)


@pytest.mark.parametrize(
    ("query", "status"),
    [({"type": "recording.vanished.v1"}, 400), ({"project": "of-others"}, 404), ({"recording": "unknown"}, 404)],
)
def test_a_stream_of_what_is_not_there_is_refused(system: System, query: dict[str, str], status: int) -> None:
    answer = system.client.get("/v1/events", params=query)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@contextmanager
def _all_listening(clients: list[Client]) -> Iterator[None]:
    try:
        for client in clients:
            client.start()
        _until(lambda: all(client.listening.is_set() for client in clients))
        yield
    finally:
        for client in clients:
            client.stop()


def _send(system: System, folder: Path, hz: float) -> str:
    recording_id: str = system.upload(write(folder / f"{hz:g}.wav", tone(hz + 0.25))).json()["id"]
    return recording_id


def _kill(system: System, name: str) -> None:
    pid = system.services[name].process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    system.until(lambda: not system.services[name].is_running())


def _history(system: System, recording_id: str) -> list[dict[str, Any]]:
    events = system.client.get(f"/v1/recordings/{recording_id}/history").json()["events"]
    return [{name: value for name, value in event.items() if name != "position"} for event in events]


def _until(holds: Callable[[], bool]) -> None:
    assert wait_until(holds, timeout_s=90)
