"""Clients of the public interface: they send recordings, and repeat a request until they know what became of it."""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import httpx

from .contents import Content
from .recorded import Attempt, Upload

REQUEST_TIMEOUT_S = 20.0
AGAIN_AFTER_S = 0.5
AT_ONCE = 6
# Of the uploads: the same bytes by two requests at the same time, and once more later.
SHARE_OF_TWINS = 0.15
SHARE_OF_LATECOMERS = 0.1
LATECOMER_AFTER_S = 5.0

Active = Callable[[], Iterable[str]]


class Clients:
    """Sends uploads to any of the gateways, and writes down every answer."""

    def __init__(
        self, gateways: Sequence[str], api_key: str, chance: random.Random, active: Active, *, repeats: bool = True
    ) -> None:
        """Take what `active` says for the faults of the moment; send some recordings twice if `repeats`."""
        self._gateways = gateways
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._chance = chance
        self._active = active
        self._twins = SHARE_OF_TWINS if repeats else 0.0
        self._latecomers = SHARE_OF_LATECOMERS if repeats else 0.0
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._began = time.monotonic()
        self.uploads: list[Upload] = []
        self.stopping = asyncio.Event()

    async def send_for(
        self, duration_s: float, every_s: float, planned: Iterable[tuple[str, Content]], *, give_up_after_s: float
    ) -> None:
        """Begin an upload every so often; return when all of them are over, or have been given up."""
        async with httpx.AsyncClient(headers=self._headers, timeout=REQUEST_TIMEOUT_S) as client:
            sending: list[asyncio.Task[None]] = []
            for number, (project, content) in enumerate(planned):
                if number * every_s > duration_s or self.stopping.is_set():
                    break
                sending += self._begin(client, project, content)
                await asyncio.sleep(every_s)
            await asyncio.wait(sending, timeout=give_up_after_s)
            for each in sending:
                each.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    def _begin(self, client: httpx.AsyncClient, project: str, content: Content) -> list[asyncio.Task[None]]:
        upload = Upload(f"{project}-{content.sha256[:12]}", project, content.name, content.sha256)
        self.uploads.append(upload)
        lane = self._chance.choice(("interactive", "bulk"))
        tasks = [asyncio.create_task(self._send(client, upload, content, lane, after_s=0.0))]
        if self._chance.random() < self._twins:
            tasks.append(asyncio.create_task(self._send(client, upload, content, lane, after_s=0.0)))
        if self._chance.random() < self._latecomers:
            tasks.append(asyncio.create_task(self._send(client, upload, content, lane, after_s=LATECOMER_AFTER_S)))
        return tasks

    async def _send(
        self, client: httpx.AsyncClient, upload: Upload, content: Content, lane: str, *, after_s: float
    ) -> None:
        await asyncio.sleep(after_s)
        for gateway in itertools.cycle(self._chance.sample(self._gateways, len(self._gateways))):
            async with self._slots:
                attempt = await self._attempt(client, f"{gateway}/v1/recordings", upload, content, lane)
            upload.attempts.append(attempt)
            if attempt.status is not None and attempt.status < 500 and attempt.status not in (408, 429):
                return
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _attempt(
        self, client: httpx.AsyncClient, url: str, upload: Upload, content: Content, lane: str
    ) -> Attempt:
        began, faults = time.monotonic(), set(self._active())
        query = {"project": upload.project, "name": content.name, "lane": lane}
        headers = {"Idempotency-Key": upload.key, "Content-Type": "application/octet-stream"}
        try:
            answer = await client.post(url, params=query, content=content.body, headers=headers)
            status, said = answer.status_code, _json(answer)
        except httpx.TransportError:
            status, said = None, {}
        took_s = time.monotonic() - began
        during = tuple(sorted(faults | set(self._active())))
        return Attempt(began - self._began, took_s, status, said.get("code"), _id(said), during)


def planned(contents: Sequence[Content], projects: Sequence[str], chance: random.Random) -> list[tuple[str, Content]]:
    """Return what to send: all contents to the first project in some order, then all to the next."""
    return [(project, content) for project in projects for content in chance.sample(contents, len(contents))]


def _json(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _id(said: Mapping[str, Any]) -> str | None:
    return said.get("id")
