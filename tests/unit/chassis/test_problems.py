from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar, get, post
from litestar.exceptions import NotAuthorizedException
from litestar.params import FromQuery, JSONBody, QueryParameter

from audio.errors import TooLargeError, TooLongError
from chassis.errors import ObjectStoreError
from chassis.problems import ProblemError, exception_handlers
from chassis.web import traced
from tests.recorded_spans import SpanRecorder

INSIDES = "mongodb-0.internal refused"


class Shade(StrEnum):
    """Something with two values."""

    LIGHT = "light"
    DARK = "dark"


@get("/refused")
async def refuse() -> None:
    raise TooLongError(100.0, 90.0)


@get("/large")
async def refuse_large() -> None:
    raise TooLargeError(1_000_000)


@get("/away")
async def fail_for_now() -> None:
    raise ObjectStoreError("GetObject", "audio/1", INSIDES)


@get("/crash")
async def crash() -> None:
    raise ValueError(INSIDES)


@get("/gone")
async def tell() -> None:
    raise ProblemError(409, "poison", "It failed.", next_step="Ask.", headers={"X-Fact": "1"}, recording_id="r")


@get("/closed")
async def close() -> None:
    raise NotAuthorizedException("Send a key.")


@get("/shades")
async def shades(shade: FromQuery[Shade], limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50) -> str:
    return f"{shade} {limit}"


@post("/documents")
async def take(data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    return data


@pytest_asyncio.fixture
async def client(spans: SpanRecorder) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with every kind of failure."""
    app = Litestar(
        [refuse, refuse_large, fail_for_now, crash, tell, close, shades, take],
        exception_handlers=exception_handlers({"too_large": 413}),
        logging_config=None,
        openapi_config=None,
    )
    served: Any = traced(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://test") as asking:
        yield asking


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/refused", 422, "too_long"),
        ("/large", 413, "too_large"),
        ("/away", 503, "object_store_unavailable"),
        ("/crash", 500, "internal"),
        ("/gone", 409, "poison"),
        ("/closed", 401, "not_authenticated"),
        ("/nowhere", 404, "not_found"),
        ("/documents", 405, "method_not_allowed"),
        ("/shades", 400, "bad_request"),
        ("/shades?shade=green", 400, "bad_request"),
        ("/shades?shade=dark&limit=0", 400, "bad_request"),
    ],
)
async def test_every_failure_is_a_problem_document(
    client: httpx.AsyncClient, spans: SpanRecorder, path: str, status: int, code: str
) -> None:
    answer = await client.get(path)

    said = answer.json()
    assert answer.status_code == said["status"] == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert (said["code"], said["type"]) == (code, f"urn:dawnchorus:problem:{code}")
    assert said["title"]
    assert said["detail"]
    assert said["instance"] == path.partition("?")[0]


@pytest.mark.parametrize("path", ["/refused", "/away", "/crash", "/nowhere", "/shades"])
async def test_a_problem_carries_the_trace_id_of_its_request(
    client: httpx.AsyncClient, spans: SpanRecorder, path: str
) -> None:
    said = (await client.get(path)).json()

    [span] = spans.ended()
    assert span.context is not None
    assert said["trace_id"] == f"{span.context.trace_id:032x}"


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'"\\ud800"'], ids=lambda body: repr(body[:10]))
async def test_a_body_that_is_no_json_is_the_clients_fault(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/documents", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request"


async def test_what_is_invalid_is_named(client: httpx.AsyncClient) -> None:
    said = (await client.get("/shades?shade=dark&limit=0")).json()

    assert [error["key"] for error in said["errors"]] == ["limit"]


async def test_what_may_go_away_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/away")

    assert int(answer.headers["retry-after"]) > 0
    assert "Retry-After" in answer.json()["next_step"]


@pytest.mark.parametrize("path", ["/crash", "/away"])
async def test_our_insides_are_not_told(client: httpx.AsyncClient, path: str) -> None:
    assert INSIDES not in (await client.get(path)).text


async def test_who_is_not_known_is_told_how_to_be(client: httpx.AsyncClient) -> None:
    assert (await client.get("/closed")).headers["www-authenticate"] == "Bearer"


async def test_a_method_that_is_not_allowed_says_which_are(client: httpx.AsyncClient) -> None:
    assert "POST" in (await client.get("/documents")).headers["allow"]


async def test_a_problem_has_the_facts_headers_and_next_step_of_its_error(client: httpx.AsyncClient) -> None:
    answer = await client.get("/gone")

    assert (answer.json()["recording_id"], answer.json()["next_step"]) == ("r", "Ask.")
    assert answer.headers["x-fact"] == "1"
