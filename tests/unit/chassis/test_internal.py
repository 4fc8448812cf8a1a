from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar, get

from chassis.internal import own_services_only
from chassis.problems import exception_handlers
from contracts.vocabulary import TOKEN_HEADER


@get("/secret")
async def tell() -> str:
    return "told"


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that answers other services only."""
    app = Litestar([tell], guards=[own_services_only("between-us")], exception_handlers=exception_handlers({}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inside") as opened:
        yield opened


async def test_a_service_that_knows_the_token_is_answered(client: httpx.AsyncClient) -> None:
    answer = await client.get("/secret", headers={TOKEN_HEADER: "between-us"})

    assert (answer.status_code, answer.text) == (200, "told")


@pytest.mark.parametrize("token", [b"", b"between", b"\xc3\xa4\xc3\xb6", b"Between-us"])
async def test_a_wrong_token_is_answered_as_none_is(client: httpx.AsyncClient, token: bytes) -> None:
    without = await client.get("/secret")

    wrong = await client.get("/secret", headers={TOKEN_HEADER.encode(): token})

    assert (wrong.status_code, wrong.json()["code"]) == (401, "not_authenticated")
    assert wrong.json() | {"trace_id": ""} == without.json() | {"trace_id": ""}
    assert "told" not in wrong.text
