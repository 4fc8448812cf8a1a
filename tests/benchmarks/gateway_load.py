"""What the gateway answers to many at once: uploads, reads of status and images; and its memory while much passes."""

import asyncio
import io
import os
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import numpy as np
import soundfile

from contracts.palettes import palette
from contracts.recolour import recoloured
from deploy.local.chorus import synthesize_chorus
from tests.benchmarks.gateway_figures import Figure, Memory, cpu_s, figure_of, resident_mb
from tests.system import System

AT_ONCE = (1, 8, 32)
UPLOAD_BYTES = 1_000_000
READERS = 8
_CHUNK_BYTES = 1_048_576
_SAMPLE_EVERY_S = 0.1
_WORKERS = ("spectrogram", "analysis")

Send = Callable[[int], Awaitable[None]]


def read_figures(system: System, folder: Path, count: int) -> list[Figure]:
    """Return how fast the status and the images of a recording of a minute are read."""
    audio = folder / "chorus.flac"
    synthesize_chorus(audio, duration_s=60)
    where = f"/v1/recordings/{system.upload(audio).json()['id']}"
    system.ended(where.rpartition("/")[2])
    full = f"{where}/spectrogram?resolution=full"
    asked = {
        "status read": (where, count),
        "list read": ("/v1/recordings?limit=50", count // 4),
        "image read (standard)": (f"{where}/spectrogram", count),
        "image read (full)": (full, count // 4),
        "full image, other colours": (f"{full}&palette=magma&floor_db=-60", count // 4),
    }
    found = [asyncio.run(_read(system, name, path, sent)) for name, (path, sent) in asked.items()]
    return [*found, _recolouring(system.client.get(full).content)]


def upload_figures(system: System, count: int) -> list[Figure]:
    """Return how soon uploads are accepted."""
    return [asyncio.run(_upload(system, at_once, count)) for at_once in AT_ONCE]


def memory_figures(system: System, size_bytes: int) -> list[Memory]:
    """Return the memory of gateway and ingest while one recording of that size passes through them."""
    return asyncio.run(_watched(system, size_bytes))


async def _read(system: System, measure: str, path: str, count: int) -> Figure:
    async with _client(system) as client:

        async def read(number: int) -> None:
            async with client.get(path) as answer:
                await answer.read()
                answer.raise_for_status()

        return await _measured(system, f"{measure}, {READERS} at once", read, count, READERS)


async def _upload(system: System, at_once: int, count: int) -> Figure:
    audio = _noise(UPLOAD_BYTES)
    async with _client(system) as client:

        async def upload(number: int) -> None:
            # Its last samples make it another recording.
            content = audio[:-8] + struct.pack("<ii", at_once, number)
            async with client.post("/v1/recordings", data=content) as answer:
                await answer.read()
                assert answer.status == 202, answer.status

        return await _measured(system, f"upload of 1 MB, {at_once} at once", upload, count, at_once)


async def _measured(system: System, measure: str, send: Send, count: int, at_once: int) -> Figure:
    numbers, took_s, load = iter(range(count)), [], os.getloadavg()[0]

    async def go_on() -> None:
        for number in numbers:
            started = time.perf_counter()
            await send(number)
            took_s.append(time.perf_counter() - started)

    await send(count)
    cpu, began = cpu_s(system, "gateway"), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(go_on())
    seconds = time.perf_counter() - began
    cpu_ms = 1000 * (cpu_s(system, "gateway") - cpu) / count
    return figure_of(measure, took_s, load, per_s=count / seconds, cpu_ms=cpu_ms)


async def _watched(system: System, size_bytes: int) -> list[Memory]:
    samples: dict[str, list[float]] = {"gateway": [], "ingest": []}
    async with _client(system) as client, asyncio.TaskGroup() as group:
        sending = group.create_task(_send_large(client, size_bytes))
        while not sending.done():
            for service, taken in samples.items():
                taken.append(resident_mb(system, service))
            await asyncio.wait([sending], timeout=_SAMPLE_EVERY_S)
    return [Memory(service, size_bytes / 1e6, taken[0], max(taken), len(taken)) for service, taken in samples.items()]


async def _send_large(client: aiohttp.ClientSession, size_bytes: int) -> None:
    async with client.post("/v1/recordings", data=_large(size_bytes)) as answer:
        assert answer.status == 202, await answer.text()


async def _large(size_bytes: int) -> AsyncIterator[bytes]:
    chunk, rate_hz, bytes_per_frame = os.urandom(_CHUNK_BYTES), 96_000, 4
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, rate_hz, rate_hz * bytes_per_frame, bytes_per_frame, 16)
    yield b"RIFF" + struct.pack("<I", size_bytes + 36) + b"WAVE" + form + b"data" + struct.pack("<I", size_bytes)
    for _ in range(size_bytes // _CHUNK_BYTES):
        yield chunk
    yield chunk[: size_bytes % _CHUNK_BYTES]


def _recolouring(png: bytes, runs: int = 200) -> Figure:
    took_s = []
    for _ in range(runs):
        began = time.process_time()
        recoloured(png, palette("magma"))
        took_s.append(time.process_time() - began)
    return figure_of(f"recolouring {len(png) / 1e6:.1f} MB alone, CPU", took_s, os.getloadavg()[0])


def _noise(size_bytes: int) -> bytes:
    written = io.BytesIO()
    samples = np.random.default_rng(3).uniform(-0.5, 0.5, size_bytes // 2).astype(np.float32)
    soundfile.write(written, samples, 44_100, format="WAV", subtype="PCM_16")
    return written.getvalue()


def without_workers(system: System) -> None:
    """Stop the workers: they would be measured, too, with what is uploaded."""
    for worker in _WORKERS:
        system.services[worker].stop()


def _client(system: System) -> aiohttp.ClientSession:
    headers = {"Authorization": system.client.headers["Authorization"], "Content-Type": "application/octet-stream"}
    return aiohttp.ClientSession(
        str(system.client.base_url), headers=headers, timeout=aiohttp.ClientTimeout(600), auto_decompress=False
    )
