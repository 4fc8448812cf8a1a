"""Live events over a WebSocket."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.audio import tone, write
from tests.system import System

pytestmark = pytest.mark.servers

UPLOADED = "recording.uploaded.v1"


def test_a_socket_tells_what_a_stream_tells_and_goes_on_after_the_last_id(system: System, tmp_path: Path) -> None:
    with _connected(system, type=UPLOADED) as socket:
        assert _next(socket)["type"] == "listening"
        first = _send(system, tmp_path, 811.0)
        heard = _next_event(socket)
    second = _send(system, tmp_path, 812.0)
    with _connected(system, type=UPLOADED, last_event_id=heard["id"]) as socket:
        missed = _next_event(socket)

    assert (heard["type"], heard["data"]["subject"]) == (UPLOADED, first)
    assert missed["data"]["subject"] == second


def test_a_socket_about_a_recording_begins_with_its_status(system: System, tmp_path: Path) -> None:
    recording_id = _send(system, tmp_path, 813.0)
    with _connected(system, recording=recording_id) as socket:
        status = _next(socket)

    assert (status["type"], status["data"]["id"]) == ("status", recording_id)


def test_a_ticket_opens_one_stream_without_a_key(system: System) -> None:
    ticket = system.client.post("/v1/events/tickets").json()["ticket"]
    with connect(_url(system, ticket=ticket)) as socket:
        assert _next(socket)["type"] == "listening"

    with pytest.raises(InvalidStatus), connect(_url(system, ticket=ticket)):
        pass
    again = system.client.post("/v1/events/tickets").json()["ticket"]
    answer = system.client.get("/v1/recordings", params={"ticket": again}, headers={"Authorization": ""})
    assert answer.status_code == 401


def test_without_a_key_no_socket_opens(system: System) -> None:
    with pytest.raises(InvalidStatus) as refusal, connect(_url(system)):
        pass

    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize(
    ("query", "code"), [({"recording": "unknown"}, 4404), ({"project": "of-others"}, 4404), ({"type": "x"}, 4400)]
)
def test_a_socket_about_what_is_not_there_is_closed_with_the_reason(
    system: System, query: dict[str, str], code: int
) -> None:
    with _connected(system, **query) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=10)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


def test_a_client_that_talks_too_much_is_closed_and_one_that_talks_is_heard_out(system: System) -> None:
    with _connected(system, type="recording.deleted.v1") as socket:
        _next(socket)
        socket.send("anything")
        assert _next(socket)["type"] == "heartbeat"
        socket.send("x" * 100_000)
        with pytest.raises(ConnectionClosed):
            _hear_out(socket)


def _connected(system: System, **query: str) -> ClientConnection:
    return connect(_url(system, **query), additional_headers={"Authorization": system.client.headers["Authorization"]})


def _url(system: System, **query: str) -> str:
    base = str(system.client.base_url).rstrip("/").replace("http", "ws", 1)
    return f"{base}/v1/ws?{urlencode(query)}"


def _next(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(timeout=30))
    return message


def _next_event(socket: ClientConnection) -> dict[str, Any]:
    while "id" not in (message := _next(socket)):
        continue
    return message


def _hear_out(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=10)


def _send(system: System, folder: Path, hz: float) -> str:
    recording_id: str = system.upload(write(folder / f"{hz:g}.wav", tone(hz))).json()["id"]
    return recording_id
