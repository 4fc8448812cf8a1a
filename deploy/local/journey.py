"""The way of one recording through the public API: upload, watch, fetch what came of it."""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from client import AsyncClient, ClientError, UploadWish, recordings, uploading
from client.files import LocalRecording
from client.models import Recording
from client.unfinished import UnfinishedUploads

from .display import Display
from .errors import NotFinishedError

RESOLUTIONS = ("thumbnail", "standard", "full")
PARTS = ("spectrogram", "analysis")
POLL_INTERVAL_S = 0.5
PATIENCE_S = 900.0


@dataclass(frozen=True)
class Fault:
    """What went wrong, where, and what the reader can do."""

    part: str
    code: str
    sentence: str
    next_step: str


@dataclass(frozen=True)
class Journey:
    """What came of one recording."""

    name: str
    upload_s: float = 0.0
    recording: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    images: tuple[Path, ...] = ()
    faults: tuple[Fault, ...] = ()
    duplicate: bool = False

    @property
    def is_complete(self) -> bool:
        return self.recording.get("status") == "completed"


@dataclass(frozen=True)
class Guide:
    """Leads recordings through; listens to their events in `tasks`, beside the work."""

    client: AsyncClient
    unfinished: UnfinishedUploads
    display: Display
    output: Path
    tasks: asyncio.TaskGroup

    async def lead(self, path: Path, name: str) -> Journey:
        """Upload the recording at `path`, follow it to its end, and save its images under `name`."""
        try:
            return await self._lead(path, name)
        except ClientError as error:
            self.display.show(name, "upload", "refused", 0.0)
            advice = error.next_step or "See `make logs`."
            return Journey(name, faults=(Fault("gateway", error.code, str(error), advice),))
        except NotFinishedError as error:
            return Journey(name, faults=(Fault("demo", error.code, str(error), error.next_step),))

    async def _lead(self, path: Path, name: str) -> Journey:
        started_s = time.monotonic()
        self.display.show(name, "upload", "sending", 0.0)
        local = await asyncio.to_thread(LocalRecording.at, path)
        uploaded = await self.client.run(uploading(local, UploadWish(), self.unfinished))
        upload_s = time.monotonic() - started_s
        self.display.show(name, "upload", "stored", 1.0)
        recording = await self._follow(uploaded.recording_id, name)
        return Journey(
            name,
            upload_s,
            recording,
            await _manifest(self.client, recording),
            await _saved_images(self.client, recording, self.output / name),
            tuple(Fault(**fault) for fault in recording["errors"]),
            duplicate=uploaded.was_known,
        )

    async def _follow(self, recording_id: str, name: str) -> dict[str, Any]:
        """Show live events and return the recording once all its work has ended."""
        listening = self.tasks.create_task(_listen(self.client, recording_id, name, self.display))
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await _ended(self.client, recording_id)
        except TimeoutError as error:
            raise NotFinishedError(name, PATIENCE_S) from error
        finally:
            listening.cancel()
        recording = found.model_dump(mode="json")
        for part in PARTS:
            self.display.show(name, part, recording[part]["status"], 1.0)
        return recording


async def _ended(client: AsyncClient, recording_id: str) -> Recording:
    while True:
        recording = await client.send(recordings.recording(recording_id))
        if recording.is_ended:
            return recording
        await asyncio.sleep(POLL_INTERVAL_S)


async def _listen(client: AsyncClient, recording_id: str, name: str, display: Display) -> None:
    try:
        async for event in client.listen(recording=recording_id):
            _show(event.type, event.data.get("data", {}), name, display)
    except ClientError:
        # Live events are a courtesy; the status that is polled beside them decides.
        return


def _show(kind: str, facts: dict[str, Any], name: str, display: Display) -> None:
    if kind.startswith("task.progressed"):
        display.show(name, facts["task"], facts["stage"], facts["progress"])
        return
    part, _, rest = kind.partition(".")
    if part in PARTS:
        display.show(name, part, rest.partition(".")[0], 1.0)


async def _manifest(client: AsyncClient, recording: dict[str, Any]) -> dict[str, Any]:
    if recording["analysis"]["status"] not in ("completed", "partial"):
        return {}
    return await client.send(recordings.manifest(recording["id"]))


async def _saved_images(client: AsyncClient, recording: dict[str, Any], stem: Path) -> tuple[Path, ...]:
    if recording["spectrogram"]["status"] != "completed":
        return ()
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = []
    for resolution in RESOLUTIONS:
        path = stem.with_name(f"{stem.name}.{resolution}.png")
        image = await client.send(recordings.spectrogram(recording["id"], resolution=resolution))
        path.write_bytes(image)
        paths.append(path)
    return tuple(paths)
