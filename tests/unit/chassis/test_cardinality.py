"""No label has a value that somebody outside can make up."""

from types import SimpleNamespace
from typing import Any

import httpx
from litestar import Litestar, get
from litestar.params import FromPath

from chassis.consuming import RetryLadder
from chassis.gate import Gate
from chassis.web import measured, traced
from contracts.dead_letters import DeadLetterDocument
from services.gateway.burying import REASONS, _undertaker
from tests.figures import series
from tests.guarding import guards

ODD = [f"odd-{number}" for number in range(200)]


@get("/v1/recordings/{recording_id:str}")
async def one(recording_id: FromPath[str]) -> str:
    return recording_id


async def test_methods_and_paths_that_somebody_makes_up_make_a_handful_of_series() -> None:
    app: Any = traced(measured(Litestar([one], logging_config=None, openapi_config=None)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        await _ask_oddly(client, "first")
        before = series("http_request")

        for odd in ODD:
            await _ask_oddly(client, odd)

    assert series("http_request") == before


async def test_routing_keys_that_somebody_makes_up_make_one_lane() -> None:
    ladder = RetryLadder("odd-service")
    ladder.count(_message("first"), "handled", 0.1)
    before = series("message")

    for odd in ODD:
        ladder.count(_message(f"recording.uploaded.v1.{odd}"), "handled", 0.1)

    assert series("message") == before


async def test_reasons_of_death_that_somebody_makes_up_are_one() -> None:
    bury = _undertaker("odd-service", FakeLetters(), Gate(guards(), hold_s=1), pause_s=0)  # type: ignore[arg-type]  # a fake
    for reason in (*REASONS, "first"):
        await bury(_dead(reason))
    before = series("dead_letters_kept")

    for odd in ODD:
        await bury(_dead(odd))

    assert series("dead_letters_kept") == before


class FakeLetters:
    """Keeps nothing, and finds everything new."""

    async def keep(self, letter: DeadLetterDocument) -> bool:
        return True


async def _ask_oddly(client: httpx.AsyncClient, odd: str) -> None:
    await client.get(f"/v1/recordings/{odd}")
    await client.get(f"/{odd}/{odd}.php")
    await client.request(odd.upper(), "/v1/recordings/one")


def _message(routing_key: str) -> Any:
    return SimpleNamespace(raw_message=SimpleNamespace(routing_key=routing_key))


def _dead(reason: str) -> Any:
    headers = {"ce-id": reason, "x-death": [{"queue": "spectrogram.work.bulk", "reason": reason, "count": 1}]}
    return SimpleNamespace(headers=headers, body=b"{}")
