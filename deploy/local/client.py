"""What the demo says to the gateway, and nothing that another client could not say."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from .access import Access
from .errors import RefusedError

# Longer than the heartbeat of a silent stream of events.
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class LiveEvent:
    """One Server-Sent Event."""

    type: str
    data: dict[str, Any]


class Client:
    """The public API; raises `RefusedError` with the gateway's own sentence."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def upload(self, path: Path) -> dict[str, Any]:
        """Send a recording as a form; return the answer: id, status, links, trace_id, perhaps duplicate_of."""
        with path.open("rb") as recording:
            answer = await self._http.post("/v1/recordings", files={"file": (path.name, recording)})
        return _json(answer)

    async def recording(self, recording_id: str) -> dict[str, Any]:
        return _json(await self._http.get(f"/v1/recordings/{recording_id}"))

    async def manifest(self, recording_id: str) -> dict[str, Any]:
        return _json(await self._http.get(f"/v1/recordings/{recording_id}/analysis"))

    async def image(self, recording_id: str, resolution: str) -> bytes:
        where = f"/v1/recordings/{recording_id}/spectrogram"
        answer = await self._http.get(where, params={"resolution": resolution})
        _refuse(answer)
        return answer.content

    async def events(self, recording_id: str) -> AsyncIterator[LiveEvent]:
        """Yield a recording's events as they happen, until the gateway ends the stream."""
        async with self._http.stream("GET", "/v1/events", params={"recording": recording_id}) as answer:
            kind = ""
            async for line in answer.aiter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    kind = value
                elif field == "data":
                    yield LiveEvent(kind, json.loads(value))


@asynccontextmanager
async def connected(access: Access) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {access.api_key}"}
    async with httpx.AsyncClient(base_url=access.url, headers=headers, timeout=TIMEOUT_S) as http:
        yield Client(http)


def _json(answer: httpx.Response) -> dict[str, Any]:
    _refuse(answer)
    document: dict[str, Any] = answer.json()
    return document


def _refuse(answer: httpx.Response) -> None:
    if answer.status_code in (httpx.codes.OK, httpx.codes.ACCEPTED):
        return
    problem = answer.json() if answer.headers.get("content-type", "").startswith("application/problem+json") else {}
    code = problem.get("code", f"http_{answer.status_code}")
    raise RefusedError(code, problem.get("detail", answer.reason_phrase), problem.get("next_step", "See `make logs`."))
