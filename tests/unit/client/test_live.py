import itertools

import httpx
import pytest

from client import AsyncClient, Client, Credentials, LiveEvent, Patience, RefusedError, UnreachableError
from tests.unit.client.gateway import URL

CREDENTIALS = Credentials(URL, "dc_1_secret")
FIRST = 'id: 1.a\nevent: recording.uploaded.v1\ndata: {"n": 1}\n\n: heartbeat\n\n'
SECOND = 'event: task.progressed.v1\ndata: {"n":\ndata: 2}\n\nid: 3.c\nevent: x.v1\ndata: {"n": 3}\n\n'


class Streams:
    """A gateway whose streams end, one after the other."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._left = iter(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = next(self._left)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_listener_goes_on_after_the_last_event_it_heard() -> None:
    streams = Streams(_stream(FIRST), httpx.ConnectError("restarting"), httpx.Response(503), _stream(SECOND))
    client = Client(CREDENTIALS, transport=httpx.MockTransport(streams), sleep=lambda pause_s: None)

    heard = list(itertools.islice(client.listen(recording="r1"), 3))

    assert heard == [
        LiveEvent("recording.uploaded.v1", {"n": 1}, "1.a"),
        LiveEvent("task.progressed.v1", {"n": 2}, None),
        LiveEvent("x.v1", {"n": 3}, "3.c"),
    ]
    assert [each.headers.get("last-event-id") for each in streams.asked] == [None, "1.a", "1.a", "1.a"]
    assert streams.asked[0].url.params["recording"] == "r1"


async def test_the_asynchronous_client_hears_the_same() -> None:
    streams = Streams(_stream(FIRST), _stream(SECOND))
    heard = []

    async with AsyncClient(CREDENTIALS, transport=httpx.MockTransport(streams), sleep=_no_pause) as client:
        listening = client.listen()
        while len(heard) < 3:
            heard.append(await anext(listening))
        await listening.aclose()

    assert [event.id for event in heard] == ["1.a", None, "3.c"]
    assert streams.asked[1].headers["last-event-id"] == "1.a"


def test_an_event_that_broke_off_in_its_middle_is_not_told() -> None:
    streams = Streams(_stream('id: 1.a\nevent: x.v1\ndata: {"n"'), _stream(FIRST))
    client = Client(CREDENTIALS, transport=httpx.MockTransport(streams), sleep=lambda pause_s: None)

    assert next(client.listen()).data == {"n": 1}


def test_a_refusal_that_no_waiting_helps_is_told_at_once() -> None:
    client = Client(CREDENTIALS, transport=httpx.MockTransport(Streams(httpx.Response(404))))

    with pytest.raises(RefusedError):
        next(client.listen())


def test_a_gateway_that_stays_away_is_told_in_the_end() -> None:
    streams = Streams(*[httpx.ConnectError("refused")] * 3)
    client = Client(CREDENTIALS, Patience(breaks=3), transport=httpx.MockTransport(streams), sleep=lambda pause_s: None)

    with pytest.raises(UnreachableError):
        next(client.listen())


def _stream(text: str) -> httpx.Response:
    return httpx.Response(200, text=text)


async def _no_pause(pause_s: float) -> None:
    return
