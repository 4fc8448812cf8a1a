"""Recordings with the analyses that a search takes in: features, a vector, the landmarks of a sound."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chassis.documents import Database
from chassis.objects import ObjectStore
from contracts.documents import ANALYSES, EMBEDDING_DIMENSIONS
from contracts.fingerprint import MEDIA_TYPE
from contracts.vocabulary import State
from services.analysis.landmarks import Integers, fingerprint_header

from .stored import NOON, add_recording, add_task

Vector = NDArray[np.float32]


async def add_analysed(database: Database, name: str, *, project_id: str = "field", **results: Any) -> None:
    """Put a recording there whose analysis has ended at noon."""
    uploaded_at = NOON + timedelta(seconds=len(name) + ord(name[-1]))
    await add_recording(database, name, project_id=project_id, name=f"{name}.wav", uploaded_at=uploaded_at)
    await add_analysis(database, name, "p", NOON, project_id=project_id, **results)


async def add_analysis(
    database: Database,
    name: str,
    parameters_id: str,
    completed_at: datetime,
    *,
    project_id: str = "field",
    bpm: float | None = 100.0,
    health: str = "green",
    vector: Vector | None = None,
    sound: str | None = None,
) -> None:
    """Put a completed analysis there; None is a result that there is not.

    sound  the key of stored landmarks
    """
    attachment = None if sound is None else {"uri": sound, "media_type": MEDIA_TYPE, "size_bytes": 8}
    values = None if vector is None else unit(vector).tolist()
    entries = [
        _entry("tempo", {"bpm": {"value": bpm, "unit": "BPM", "reason": None if bpm else "no_onsets"}}),
        _entry("quality", {"health": {"value": health, "unit": "colour", "reason": None}}),
        _entry("embedding", {"vector": {"values": values, "unit": "1", "reason": None if values else "silent"}}),
        _entry("fingerprint", {}) | {"attachment": attachment},
    ]
    await add_task(
        database,
        ANALYSES,
        name,
        project_id=project_id,
        parameters_id=parameters_id,
        state=State.COMPLETED,
        created_at=completed_at,
        completed_at=completed_at,
        manifest_key="key",
        extractors=entries,
    )


async def stored_sound(objects: ObjectStore, name: str, sound: tuple[Integers, Integers]) -> str:
    """Put landmarks where an analysis would have, and return the key."""
    key = f"key/{name}"
    content = fingerprint_header(len(sound[0]), 22_050) + np.stack(sound, axis=1).astype("<u4").tobytes()
    await objects.put(key, content, MEDIA_TYPE)
    return key


def landmarks(seed: int) -> tuple[Integers, Integers]:
    """Return frames and hashes of a sound, (1000,) int32 each; another seed sounds different."""
    random = np.random.default_rng(seed)
    return np.arange(1000, dtype=np.int32) * 3, random.integers(0, 1 << 24, 1000, dtype=np.int32)


def direction(seed: int) -> Vector:
    """Return a random vector of length 1."""
    return unit(np.random.default_rng(seed).standard_normal(EMBEDDING_DIMENSIONS))


def unit(vector: Vector) -> Vector:
    """Return a vector of the same direction whose length is 1."""
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def _entry(name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1", "success": True, "payload": payload, "error": None}
