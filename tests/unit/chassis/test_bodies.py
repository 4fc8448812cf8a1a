import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from litestar import Request

from chassis.bodies import ClientGoneError, Patience, RequestBody
from chassis.problems import ProblemError

GONE = {"type": "http.disconnect"}


class Client:
    """Sends the given messages, and then nothing more, as a client does that waits for its answer."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self._messages = list(messages)
        self.asked_in_vain = False

    async def receive(self) -> dict[str, Any]:
        if self._messages:
            return self._messages.pop(0)
        self.asked_in_vain = True
        await asyncio.get_running_loop().create_future()
        raise AssertionError("a future that nobody sets has ended")

    @property
    def unread(self) -> int:
        return len(self._messages)

    def body(self, patience: Patience | None = None) -> RequestBody:
        return RequestBody(cast("Request[Any, Any, Any]", SimpleNamespace(receive=self.receive)), patience)


async def test_a_body_is_yielded_as_it_comes() -> None:
    body = Client(_part(b"one"), _part(b""), _part(b"two", more=False)).body()

    assert [chunk async for chunk in body] == [b"one", b"two"]


async def test_a_client_that_goes_in_the_middle_is_noticed() -> None:
    body = Client(_part(b"one"), GONE).body()

    with pytest.raises(ClientGoneError):
        [chunk async for chunk in body]


async def test_a_sender_that_falls_silent_is_cut_off() -> None:
    body = Client(_part(b"one")).body(Patience(silent_s=0.01, bytes_per_s_min=0))

    with pytest.raises(ProblemError) as cut:
        [chunk async for chunk in body]

    assert (cut.value.status, cut.value.code) == (408, "too_slow")
    assert cut.value.headers == {"Connection": "close"}


async def test_a_sender_that_dribbles_is_cut_off() -> None:
    # No wait is as long as `silent_s`, which is nothing, and any time that passes is too long for so few bytes.
    body = Client(*[_part(b"x") for _ in range(10)]).body(Patience(silent_s=0, bytes_per_s_min=1e12))

    with pytest.raises(ProblemError) as cut:
        [chunk async for chunk in body]

    assert cut.value.code == "too_slow"


async def test_the_rest_of_a_body_that_dribbles_does_not_hide_why_it_was_refused() -> None:
    body = Client(_part(b"one")).body(Patience(silent_s=0.01, bytes_per_s_min=0))

    await body.drain(limit_bytes=1000)


async def test_the_rest_of_a_refused_body_is_read_so_that_its_sender_hears_the_answer() -> None:
    client = Client(_part(b"one"), _part(b"two"), _part(b"three", more=False))
    body = client.body()
    await anext(aiter(body))

    await body.drain(limit_bytes=1000)

    assert client.unread == 0


async def test_no_more_is_drained_than_the_limit() -> None:
    client = Client(*[_part(b"x" * 10) for _ in range(100)])

    await client.body().drain(limit_bytes=45)

    assert client.unread == 95


async def test_draining_ends_when_the_client_goes() -> None:
    client = Client(_part(b"one"), GONE, _part(b"never"))

    await client.body().drain(limit_bytes=1000)

    assert client.unread == 1


async def test_a_body_that_was_complete_is_not_waited_for() -> None:
    # A recording refused after its last byte once kept its sender waiting for the whole drain timeout.
    client = Client(_part(b"all of it", more=False))
    body = client.body()
    [chunk async for chunk in body]

    await body.drain(limit_bytes=1000)

    assert not client.asked_in_vain


async def test_a_client_that_has_gone_is_not_waited_for() -> None:
    client = Client(GONE)
    body = client.body()
    with pytest.raises(ClientGoneError):
        [chunk async for chunk in body]

    await body.drain(limit_bytes=1000)

    assert not client.asked_in_vain


async def test_a_client_that_falls_silent_is_not_drained_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.bodies.DRAIN_TIMEOUT_S", 0.05)
    client = Client(_part(b"one"))

    await client.body().drain(limit_bytes=1000)

    assert client.asked_in_vain


def _part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}
