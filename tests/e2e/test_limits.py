"""Limits over HTTP: replicas share a quota, slow and deep senders are refused, nothing a client sends is a 500."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.local.ports import free_ports
from deploy.local.services import Service
from deploy.local.state import StateFolder
from tests.audio import tone, write
from tests.system import System

pytestmark = pytest.mark.servers

QUOTA = 100
DEADLINE_S = 30


@pytest.fixture(scope="module")
def replicas(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[httpx.Client]]:
    """Two more gateways over the same servers, which allow little."""
    ports = free_ports()
    settings = {
        **system.environment,
        "DAWNCHORUS_READS_PER_MINUTE": str(QUOTA),
        "DAWNCHORUS_STREAMS_AT_ONCE": "2",
        "DAWNCHORUS_SENDER_SILENT_S": "1",
    }
    with ExitStack() as stack:
        folders = [StateFolder(tmp_path_factory.mktemp("replica")) for _ in range(2)]
        services = [Service("gateway", folder, next(ports), settings) for folder in folders]
        for service in services:
            stack.callback(service.stop)
            service.start()
        for service in services:
            service.wait_until_ready()
        yield [stack.enter_context(httpx.Client(base_url=each.url, timeout=60)) for each in services]


def test_every_answer_says_what_is_left(system: System) -> None:
    answer = system.client.get("/v1/projects")

    assert answer.headers["RateLimit-Policy"] == '"read";q=6000;w=60'
    assert answer.headers["RateLimit"].startswith('"read";r=')
    limits = system.client.get("/v1/capabilities").json()["limits"]
    assert limits["requests_per_minute"]["read"] == 6000


def test_replicas_share_the_quota_of_a_key(system: System, replicas: list[httpx.Client]) -> None:
    headers = _as_somebody(system)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: replicas[n % 2].get("/v1/projects", headers=headers), range(3 * QUOTA)))

    refused = [each for each in answers if each.status_code == 429]
    # The clock's minute may turn meanwhile; then the quota is there once more.
    assert QUOTA - 2 <= len(answers) - len(refused) <= 2 * QUOTA
    assert {each.status_code for each in answers} == {200, 429}
    assert {each.json()["code"] for each in refused} == {"rate_limited"}
    assert all(1 <= int(each.headers["Retry-After"]) <= 60 for each in refused)
    assert all(each.headers["RateLimit"].startswith('"read";r=0;t=') for each in refused)


def test_streams_at_once_are_bounded_and_come_free_again(system: System, replicas: list[httpx.Client]) -> None:
    headers = _as_somebody(system)
    with ExitStack() as held:
        open_ = [held.enter_context(_listening(replicas[0], headers)).status_code for _ in range(3)]

    assert open_ == [200, 200, 429]
    system.until(lambda: _listens(replicas[0], headers))


def test_a_sender_that_falls_silent_hears_why_and_is_cut_off(
    system: System, replicas: list[httpx.Client], tmp_path: Path
) -> None:
    content = write(tmp_path / "slow.wav", tone(700.0)).read_bytes()
    head = (
        "POST /v1/recordings HTTP/1.1\r\nHost: dawnchorus\r\n"
        f"Authorization: {_as_somebody(system)['Authorization']}\r\nContent-Length: {len(content)}\r\n\r\n"
    )

    with socket.create_connection(_address(replicas[0]), timeout=DEADLINE_S) as connection:
        connection.sendall(head.encode() + content[: len(content) // 2])
        heard = b""
        while part := connection.recv(65536):
            heard += part

    assert heard.startswith(b"HTTP/1.1 408")
    assert b'"too_slow"' in heard


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000, 400),
        (b'{"parameters":' * 100 + b"1" + b"}" * 100, 400),
        (b"\xff\xfe", 400),
        (b'{"extractors": ["\\ud800"]}', 400),
        (b'{"extractors": ["a\\u0000b"]}', 400),
        (b'{"parameters": {"$where": {"$gt": 1}}}', 400),
        (b'{"objects": 1}', 400),
        (b"1e999", 400),
        (b"{" + b'"a": ' + b"9" * 5000 + b"}", 400),
        (b" " * 1_000_001, 413),
    ],
)
def test_a_body_that_is_none_is_the_clients_problem(system: System, tmp_path: Path, body: bytes, status: int) -> None:
    recording_id = system.upload(write(tmp_path / "deep.wav", tone(710.0))).json()["id"]

    answer = system.client.post(
        f"/v1/recordings/{recording_id}/analysis", content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/recordings/%00",
        "/v1/recordings/%ff",
        "/v1/recordings/$where",
        "/v1/recordings?cursor=%00",
        "/v1/recordings?cursor=bnVsbA==",
        "/v1/recordings?where=%00:1",
        "/v1/recordings?sort=$where",
        "/v1/recordings?where=a.$b:1",
        "/v1/projects/%00",
        "/v1/projects/$ne/members",
        "/v1/extractors/%00/backfill",
        "/v1/nothing",
        "/v1/recordings?limit=99999999999999999999",
        "/v1/events?recording=%00",
    ],
)
def test_whatever_a_path_says_is_no_fault_of_ours(system: System, path: str) -> None:
    answer = system.client.get(path)

    assert 200 <= answer.status_code < 500, answer.text[:500]


def test_a_long_name_in_a_form_is_cut_and_a_huge_one_refused(system: System, tmp_path: Path) -> None:
    content = write(tmp_path / "named.wav", tone(720.0))

    long_ = system.upload(content, name="n" * 1000)
    huge = system.upload(content, name="n" * 100_000)

    assert len(system.recording(long_.json()["id"])["name"]) == 200
    assert (huge.status_code, huge.json()["code"]) == (400, "malformed_form")


def _as_somebody(system: System) -> dict[str, str]:
    wish = {"name": "test", "projects": [{"project": "default", "role": "owner"}]}
    return {"Authorization": f"Bearer {system.client.post('/v1/keys', json=wish).json()['key']}"}


def _listening(client: httpx.Client, headers: dict[str, str]) -> Any:
    return client.stream("GET", "/v1/events", headers=headers)


def _listens(client: httpx.Client, headers: dict[str, str]) -> bool:
    with _listening(client, headers) as answer:
        return bool(answer.status_code == 200)


def _address(client: httpx.Client) -> tuple[str, int]:
    parts = urlsplit(str(client.base_url))
    return str(parts.hostname), int(parts.port or 0)
