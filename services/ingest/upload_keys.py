"""Idempotency keys: the same key and the same bytes are answered the same; other bytes are refused."""

import hashlib
from datetime import UTC, datetime, timedelta

from chassis.documents import Database, DuplicateKeyError
from chassis.errors import UnprocessableError
from contracts.documents import UPLOAD_KEYS, UploadKeyDocument


class KeyReusedError(UnprocessableError):
    """An idempotency key came again with other bytes."""

    code = "idempotency_key_reused"
    next_step = "Use a new Idempotency-Key for every recording, and the same one only to repeat a request."

    def __str__(self) -> str:
        return "This Idempotency-Key was used for another recording."


class UploadKeys:
    """The keys that were used in a while; MongoDB forgets them after `kept_s`."""

    def __init__(self, database: Database, kept_s: float) -> None:
        self._collection = database[UPLOAD_KEYS]
        self._kept_s = kept_s

    async def prepare(self) -> None:
        """Make the index by which old keys go."""
        await self._collection.create_index("expires_at", expireAfterSeconds=0, name="expiry")

    async def claim(self, project_id: str, key: str, sha256: str) -> str | None:
        """Take a key for these bytes; return the recording that they were answered with before, if they were.

        Raises `KeyReusedError` where the key has been taken for other bytes.
        """
        expires_at = datetime.now(UTC) + timedelta(seconds=self._kept_s)
        document = UploadKeyDocument(id=_id(project_id, key), sha256=sha256, expires_at=expires_at)
        try:
            await self._collection.insert_one(document.model_dump(by_alias=True))
        except DuplicateKeyError:
            raw = await self._collection.find_one({"_id": document.id})
            known = UploadKeyDocument.model_validate(raw) if raw is not None else document
            if known.sha256 != sha256:
                raise KeyReusedError from None
            return known.recording_id
        return None

    async def answer(self, project_id: str, key: str, recording_id: str) -> None:
        """Note which recording the key was answered with."""
        await self._collection.update_one({"_id": _id(project_id, key)}, {"$set": {"recording_id": recording_id}})


def _id(project_id: str, key: str) -> str:
    return hashlib.sha256(f"{project_id}\0{key}".encode()).hexdigest()
