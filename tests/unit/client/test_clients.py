from collections.abc import Callable

import httpx
import pytest

from client import AsyncClient, Client, Credentials, NotReadyError, Patience, RefusedError, UnreachableError, recordings
from client.operations import Operation, as_bytes
from tests.unit.client.gateway import PROBLEM, URL

CREDENTIALS = Credentials(URL, "dc_1_secret")
BUSY = httpx.Response(503, headers={"retry-after": "5"})
MISSING = {"code": "not_found", "detail": "There is no recording r1.", "next_step": "Look.", "trace_id": "7f"}

Answers = list[httpx.Response | Exception]


def test_a_problem_is_raised_in_the_gateways_own_words() -> None:
    client, _ = _client([httpx.Response(404, json=MISSING, headers=PROBLEM)])

    with pytest.raises(RefusedError) as caught:
        client.send(recordings.recording("r1"))

    assert caught.value.document() == MISSING
    assert caught.value.status == 404


def test_what_is_no_problem_document_is_told_by_its_status() -> None:
    client, _ = _client([httpx.Response(502, text="<html>")])

    with pytest.raises(RefusedError) as caught:
        client.send(recordings.recording("r1"))

    assert caught.value.code == "http_502"


@pytest.mark.parametrize("status", [409, 429, 503])
def test_a_busy_gateway_is_asked_again_when_it_says(status: int) -> None:
    client, slept = _client([httpx.Response(status, headers={"retry-after": "7"}), _recording("completed")])

    assert client.send(recordings.recording("r1")).status == "completed"
    assert slept == [7.0]


async def test_the_asynchronous_client_waits_the_same() -> None:
    slept: list[float] = []

    async def sleep(pause_s: float) -> None:
        slept.append(pause_s)

    transport = httpx.MockTransport(_answering([httpx.ConnectError("refused"), BUSY, _recording("completed")]))
    async with AsyncClient(CREDENTIALS, transport=transport, sleep=sleep) as client:
        assert (await client.send(recordings.recording("r1"))).status == "completed"

    assert slept == [0.5, 5.0]


def test_patience_with_a_busy_gateway_ends() -> None:
    client, slept = _client([BUSY] * 10, Patience(busy_s=12))

    with pytest.raises(RefusedError):
        client.send(recordings.recording("r1"))

    assert slept == [5.0, 5.0]


def test_a_conflict_is_no_reason_to_wait() -> None:
    client, slept = _client([httpx.Response(409)])

    with pytest.raises(RefusedError):
        client.send(recordings.retry("r1"))

    assert slept == []


def test_a_broken_connection_is_tried_again_with_growing_pauses() -> None:
    client, slept = _client([httpx.ReadError("broken")] * 3 + [_recording("completed")])

    client.send(recordings.recording("r1"))

    assert slept == [0.5, 1.0, 2.0]


def test_what_may_have_come_through_is_not_sent_twice_unless_that_is_harmless() -> None:
    client, slept = _client([httpx.ReadError("broken"), _recording("queued")])

    with pytest.raises(UnreachableError, match="broken"):
        client.send(recordings.retry("r1"))

    assert slept == []


def test_an_unreachable_store_is_named_without_its_signature() -> None:
    client, _ = _client([httpx.ConnectError("refused")] * 5)

    with pytest.raises(UnreachableError) as caught:
        client.send(Operation("GET", "http://store/part?X-Signature=secret", as_bytes))

    assert str(caught.value) == "http://store/part does not answer: refused"


def test_the_key_goes_to_the_gateway_alone() -> None:
    seen: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: seen.append(request) or httpx.Response(200, json={}))
    with Client(CREDENTIALS, transport=transport) as client:
        client.send(Operation("GET", "/v1/x", as_bytes))
        client.send(Operation("PUT", "http://store/part?signature=s", as_bytes))

    assert [each.headers.get("authorization") for each in seen] == ["Bearer dc_1_secret", None]
    assert seen[1].url.query == b"signature=s"


def test_a_result_that_is_not_there_yet_is_an_error_unless_one_waits() -> None:
    later = httpx.Response(202, json={"status": "processing"}, headers={"retry-after": "1"})
    hasty, _ = _client([later])
    patient, slept = _client([later, later, httpx.Response(200, content=b"PNG")], Patience(ready_s=10))

    with pytest.raises(NotReadyError, match="processing"):
        hasty.send(recordings.spectrogram("r1"))

    assert patient.send(recordings.spectrogram("r1")) == b"PNG"
    assert slept == [1.0, 1.0]


def test_an_id_cannot_leave_its_path() -> None:
    assert recordings.recording("../keys?x=1").path == "/v1/recordings/..%2Fkeys%3Fx%3D1"


def test_credentials_do_not_show_their_key() -> None:
    assert "secret" not in repr(CREDENTIALS)


def _client(answers: Answers, patience: Patience | None = None) -> tuple[Client, list[float]]:
    slept: list[float] = []
    transport = httpx.MockTransport(_answering(answers))
    return Client(CREDENTIALS, patience, transport=transport, sleep=slept.append), slept


def _answering(answers: Answers) -> Callable[[httpx.Request], httpx.Response]:
    left = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        now = next(left)
        if isinstance(now, Exception):
            raise now
        # An answer can be read once, and some are given several times.
        return httpx.Response(now.status_code, headers=now.headers, content=now.content)

    return answer


def _recording(status: str) -> httpx.Response:
    return httpx.Response(200, json={"id": "r1", "status": status})
