"""A project with something in it, so that generated requests reach more than 404."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.audio import Signal, write
from tests.e2e.letters import parked_letter
from tests.system import System

PROJECT = "default"
# These end what they name. They are given things of their own, or their names would soon mean nothing to the others.
ENDING = frozenset(
    {
        *("deleteRecording", "deleteRecordings", "restoreRecording", "abortUpload"),
        *("removeMember", "revokeKey", "deleteWebhook", "cancelRecording", "cancelBatch"),
        *("replayDeadLetter", "discardDeadLetter"),
    }
)


def prepared(system: System, folder: Path) -> dict[str, Any]:
    """Return what names may stand for: `lasting` and, for what ends it, `ending`; and where some `audio` is."""
    lasting = {
        **_made(system, folder, "lasting"),
        "project": PROJECT,
        "name": "loudness",
        "part": "database",
        "level": "0",
        "tile": "0.png",
        "file_name": "spectral.parquet",
    }
    ending = {**_made(system, folder, "ending"), "project": PROJECT}
    return {"lasting": lasting, "ending": ending, "audio": str(folder / "lasting.wav")}


def _made(system: System, folder: Path, name: str) -> dict[str, str]:
    audio = write(folder / f"{name}.wav", _noise(name))
    upload = {"name": f"{name}.wav", "size_bytes": 7, "project": PROJECT}
    key = {"name": name, "projects": [{"project": PROJECT, "role": "reader"}]}
    webhook_id = _posted(system, "/v1/webhooks", {"url": "http://127.0.0.1:9/hook", "project": PROJECT})["id"]
    recording_id: str = system.upload(audio, project=PROJECT).json()["id"]
    system.ended(recording_id)
    key_id = _posted(system, "/v1/keys", key)["id"]
    batch = {"project": PROJECT, "items": [{"recording_id": recording_id}]}
    batch_id = _posted(system, "/v1/batches", batch)["id"]
    return {
        "recording_id": recording_id,
        "batch_id": batch_id,
        "task_id": f"{batch_id}-0",
        "letter_id": asyncio.run(parked_letter(system, PROJECT, recording_id)),
        "upload_id": _posted(system, "/v1/uploads", upload)["id"],
        "webhook_id": webhook_id,
        "event_id": _posted(system, f"/v1/webhooks/{webhook_id}/ping", None)["event_id"],
        "key_id": key_id,
        "member": key_id,
    }


def _posted(system: System, path: str, body: dict[str, object] | None) -> dict[str, str]:
    answer = system.client.post(path, content=None if body is None else json.dumps(body))
    answer.raise_for_status()
    made: dict[str, str] = answer.json()
    return made


def _noise(seed_text: str) -> Signal:
    seed = int.from_bytes(hashlib.sha256(seed_text.encode()).digest()[:4], "big")
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (3 * 44_100, 1)).astype(np.float32)
