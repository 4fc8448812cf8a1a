"""A client that sends a recording and looks at a stopwatch: when it is accepted, and when each result can be read."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile

from contracts.vocabulary import Lane

PATIENCE_S = 120.0
# Each result, the event that says it is there, and where it is then read.
RESULTS = {
    "thumbnail": ("spectrogram", "spectrogram?resolution=thumbnail"),
    "standard": ("spectrogram", "spectrogram?resolution=standard"),
    "features": ("analysis", "analysis"),
}


class TaskFailedError(Exception):
    """A recording did not give what was measured."""


class Copies:
    """Copies of one recording that differ in their last samples, so that none is answered with another."""

    def __init__(self, path: Path) -> None:
        self._samples, self._rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
        self._made = 0

    def next(self) -> bytes:
        """Return a WAV that was not sent before."""
        self._made += 1
        changed = self._samples.copy()
        changed[-16:, 0] = [(self._made >> bit) & 1 for bit in range(16)]
        written = io.BytesIO()
        soundfile.write(written, changed.astype(np.int16), self._rate_hz, format="WAV", subtype="PCM_16")
        return written.getvalue()


@dataclass
class Journey:
    """Seconds from the first byte of the upload; `stages_s` is what the workers say of themselves."""

    seen_s: dict[str, float] = field(default_factory=dict)
    stages_s: dict[str, float] = field(default_factory=dict)


class Visitor:
    """Uploads, listens to the recording's live events, and reads each result as soon as its event comes."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def upload(self, body: bytes, lane: Lane) -> str:
        """Return the new recording's id."""
        answer = await self._client.post(
            "/v1/recordings",
            params={"lane": lane, "name": "birds.wav"},
            headers={"Content-Type": "application/octet-stream"},
            content=body,
        )
        if answer.status_code != httpx.codes.ACCEPTED:
            raise TaskFailedError(f"an upload was answered {answer.status_code}: {answer.text}")
        recording_id: str = answer.json()["id"]
        return recording_id

    async def journey(self, body: bytes) -> Journey:
        """Send one recording by the interactive lane; return when each result was in hand."""
        made, started = Journey(), time.perf_counter()
        async with asyncio.timeout(PATIENCE_S):
            recording_id = await self.upload(body, Lane.INTERACTIVE)
            made.seen_s["accepted"] = time.perf_counter() - started
            async with asyncio.TaskGroup() as reading:
                async for part in self._completed(recording_id):
                    for result, (of, path) in RESULTS.items():
                        if of == part:
                            reading.create_task(self._read(recording_id, result, path, made, started))
            made.stages_s = await self._stages(recording_id)
        return made

    async def _read(self, recording_id: str, result: str, path: str, made: Journey, started: float) -> None:
        answer = await self._client.get(f"/v1/recordings/{recording_id}/{path}")
        if answer.status_code != httpx.codes.OK:
            raise TaskFailedError(f"{result} was announced, and answered {answer.status_code}")
        made.seen_s[result] = time.perf_counter() - started

    async def _completed(self, recording_id: str) -> AsyncIterator[str]:
        """Yield each part once it is completed, whether the stream's first status says so or an event."""
        waited_for = {part for part, _ in RESULTS.values()}
        async with self._events(recording_id) as events:
            async for kind, facts in events:
                for part in sorted(waited_for):
                    if _is_completed(kind, facts, part):
                        waited_for.discard(part)
                        yield part
                if not waited_for:
                    return

    @asynccontextmanager
    async def _events(self, recording_id: str) -> AsyncIterator[AsyncIterator[tuple[str, dict[str, Any]]]]:
        async with self._client.stream("GET", "/v1/events", params={"recording": recording_id}) as answer:
            answer.raise_for_status()
            yield _messages(answer)

    async def _stages(self, recording_id: str) -> dict[str, float]:
        answer = await self._client.get(f"/v1/recordings/{recording_id}")
        found = answer.raise_for_status().json()
        return {
            f"{part}: {stage}": spent_s
            for part in ("spectrogram", "analysis")
            for stage, spent_s in found[part]["timings_s"].items()
        }


async def _messages(answer: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    kind = ""
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


def _is_completed(kind: str, facts: dict[str, Any], part: str) -> bool:
    status = facts[part]["status"] if kind == "status" else kind.removeprefix(f"{part}.").partition(".")[0]
    if status == "failed":
        raise TaskFailedError(f"{part} failed: {facts}")
    return status in ("completed", "partial")


@contextmanager
def visiting(url: str, headers: dict[str, str]) -> Iterator[tuple[asyncio.Runner, Visitor]]:
    """Open a client on an event loop of its own."""
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S)
        try:
            yield runner, Visitor(client)
        finally:
            runner.run(client.aclose())
