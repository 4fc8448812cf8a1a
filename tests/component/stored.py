"""What lies in the servers: documents written without the services that own them, and what services have stored."""

from datetime import UTC, datetime
from typing import Any

from chassis.documents import Database
from chassis.objects import ObjectStore
from contracts.documents import RECORDINGS, RecordingDocument
from contracts.vocabulary import State

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def add_recording(database: Database, recording_id: str, **facts: Any) -> None:
    """Put a completed recording of the project `field` there."""
    document: dict[str, Any] = {
        "_id": recording_id,
        "project_id": "field",
        "name": "dawn.wav",
        "lane": "interactive",
        "state": State.COMPLETED,
        "sha256": "0" * 64,
        "size_bytes": 1000,
        "uploaded_at": NOON,
        "trace_id": "f" * 32,
        "current": True,
        "outbox": [],
    }
    await database[RECORDINGS].insert_one(document | facts)


async def add_task(database: Database, collection: str, recording_id: str, **facts: Any) -> None:
    """Put a queued task on a recording there."""
    known: dict[str, Any] = {
        "recording_id": recording_id,
        "project_id": "field",
        "parameters_id": "p",
        "parameters": {},
        "state": State.QUEUED,
        "created_at": NOON,
    }
    task = known | facts
    await database[collection].insert_one({"_id": f"{recording_id}/{task['parameters_id']}", **task})


async def stored_recordings(database: Database) -> list[RecordingDocument]:
    """Return the documents of all recordings."""
    return [RecordingDocument.model_validate(raw) async for raw in database[RECORDINGS].find()]


async def stored_keys(objects: ObjectStore) -> list[str]:
    """Return the keys of all objects, as S3 lists them."""
    listed = await objects._client.list_objects_v2(Bucket=objects._bucket)
    return [each["Key"] for each in listed.get("Contents", [])]
