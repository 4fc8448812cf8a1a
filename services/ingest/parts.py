"""Recordings that their senders put into S3 in parts: begun, looked at, completed, given up."""

import hashlib
import math
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from audio.errors import TooLargeError
from chassis.documents import Collection, Database
from chassis.errors import ObjectMissingError, ObjectStoreError
from chassis.objects import ObjectStore, StoredPart
from chassis.problems import ProblemError
from chassis.tracing import span
from contracts.documents import UPLOADS, UploadDocument
from contracts.objects import audio_key
from contracts.uploading import UploadOrder

from .digests import DigestMismatchError
from .drafts import Received, Upload
from .streams import nothing_more
from .uploads import RejectedError, UploadDesk

log = structlog.get_logger()

PART_BYTES = 16 * 1024 * 1024
# S3 takes 10,000 parts; parts of a gigantic recording are larger instead.
_PARTS_MAX = 9000
URL_LIFETIME_S = 3600
# As long as completing may take: all of it is read again and hashed.
_COMPLETING = timedelta(minutes=15)
_NAMED_MAX = 100


async def prepare_uploads(collection: Collection) -> None:
    """Make the index that finds what was given up."""
    await collection.create_index("expires_at", name="by_expiry")


class PartDesk:
    """Takes recordings in that come past us, straight into S3."""

    def __init__(
        self, database: Database, objects: ObjectStore, desk: UploadDesk, *, max_bytes: int, kept_s: float
    ) -> None:
        self._collection = database[UPLOADS]
        self._objects = objects
        self._desk = desk
        self._max_bytes = max_bytes
        self._kept = timedelta(seconds=kept_s)

    async def begin(self, order: UploadOrder) -> UploadDocument:
        """Begin a recording that will have this id. Raises `TooLargeError`."""
        wanted = order.upload
        if wanted.size_bytes > self._max_bytes:
            raise TooLargeError(self._max_bytes)
        recording_id, now = str(uuid.uuid4()), datetime.now(UTC)
        document = UploadDocument(
            id=recording_id,
            project_id=order.project_id,
            name=wanted.name,
            lane=order.lane,
            batch_id=order.batch_id,
            size_bytes=wanted.size_bytes,
            part_bytes=PART_BYTES * math.ceil(wanted.size_bytes / (PART_BYTES * _PARTS_MAX)),
            sha256=wanted.sha256,
            rendering=order.rendering,
            store_upload_id=await self._objects.begin_parts(audio_key(recording_id)),
            created_at=now,
            expires_at=now + self._kept,
        )
        await self._collection.insert_one(document.model_dump(by_alias=True))
        return document

    async def stored(self, upload_id: str) -> list[StoredPart]:
        """Return the parts that are there as they must be; none any more once they are one object."""
        document = await self._found(upload_id)
        try:
            parts = await self._objects.parts(audio_key(document.id), document.store_upload_id)
        except ObjectMissingError:
            return []
        return [each for each in parts if _fits(document, each)]

    async def urls(self, upload_id: str, numbers: Sequence[int]) -> list[str]:
        """Return where to put these parts. Raises a problem where there is no such part."""
        document = await self._found(upload_id)
        if beyond := [number for number in numbers if number > document.parts]:
            raise ProblemError(400, "bad_request", f"There is no part {beyond[0]}; there are {document.parts}.")
        return [
            await self._objects.part_url(
                audio_key(document.id),
                document.store_upload_id,
                number,
                document.part_size_bytes(number),
                URL_LIFETIME_S,
            )
            for number in numbers
        ]

    async def complete(self, upload_id: str) -> dict[str, Any]:
        """Make a recording of the parts; answered again, it is answered the same.

        Raises a problem: 409 where parts are missing or it is being completed already, 410 where its bytes are gone;
        `DigestMismatchError` and `RejectedError` where the bytes are not those, or no recording: then it is over, and
        nothing of it is kept. What fails for a passing reason can be asked for again.
        """
        known = await self._found(upload_id)
        if known.answer is not None:
            return known.answer
        async with self._claimed(upload_id) as document:
            if document.answer is not None:
                return document.answer
            try:
                answer = await self._completed(document)
            except (DigestMismatchError, RejectedError):
                await self._collection.delete_one({"_id": document.id})
                raise
            await self._collection.update_one({"_id": document.id}, {"$set": {"answer": answer}})
        return answer

    async def abort(self, upload_id: str) -> None:
        """Give up what is not completed, and its parts."""
        async with self._claimed(upload_id) as document:
            if document.answer is None:
                await self._objects.abort_parts(audio_key(document.id), document.store_upload_id)
                if not await self._desk.is_known(document.id):
                    await self._objects.delete(audio_key(document.id))
            await self._collection.delete_one({"_id": document.id})

    async def give_up_expired(self) -> None:
        """Give up everything whose time is over; what S3 will not let go of is tried again the next time."""
        expired = self._collection.find({"expires_at": {"$lt": datetime.now(UTC)}}, {"_id": 1})
        for upload_id in [raw["_id"] async for raw in expired]:
            try:
                await self.abort(upload_id)
            except ProblemError as error:
                # Somebody completes it just now, or gave it up first.
                log.info("upload_not_given_up", upload_id=upload_id, reason=error.detail)
            except ObjectStoreError as error:
                log.warning("upload_not_given_up", upload_id=upload_id, reason=str(error))

    async def _completed(self, document: UploadDocument) -> dict[str, Any]:
        # Who died between the recording's document and this one's left the answer to the next.
        if await self._desk.is_known(document.id):
            return {"id": document.id, "duplicate": False}
        await self._join(document)
        received = Received(await self._sha256(document), document.size_bytes)
        if document.sha256 not in (None, received.sha256):
            await self._objects.delete(audio_key(document.id))
            raise DigestMismatchError("sha-256")
        upload = Upload(
            document.project_id,
            document.name,
            document.lane,
            nothing_more(),
            document.rendering,
            batch_id=document.batch_id,
        )
        accepted = await self._desk.settle(document.id, upload, received, comes_again=True)
        return {"id": accepted.recording_id, "duplicate": accepted.duplicate}

    async def _join(self, document: UploadDocument) -> None:
        key = audio_key(document.id)
        try:
            parts = await self._objects.parts(key, document.store_upload_id)
        except ObjectMissingError:
            # Joined already, by somebody who got no further.
            await self._check_joined(document)
            return
        fitting = {each.number: each for each in parts if _fits(document, each)}
        missing = [number for number in range(1, document.parts + 1) if number not in fitting]
        if missing:
            raise ProblemError(
                409,
                "parts_missing",
                f"{len(missing)} of {document.parts} parts are missing, or not of their size.",
                next_step="Put the missing parts to the URLs that …/urls gives, then complete it again.",
                missing=missing[:_NAMED_MAX],
            )
        await self._objects.complete_parts(key, document.store_upload_id, [fitting[each] for each in sorted(fitting)])

    async def _check_joined(self, document: UploadDocument) -> None:
        try:
            if await self._objects.size_bytes(audio_key(document.id)) == document.size_bytes:
                return
        except ObjectMissingError as error:
            # Refused, or the same as another recording, by somebody who died before saying so.
            raise _gone() from error
        raise _gone()

    async def _sha256(self, document: UploadDocument) -> str:
        digest = hashlib.sha256()
        with span("hash"):
            async for block in self._objects.blocks(audio_key(document.id)):
                digest.update(block)
        return digest.hexdigest()

    async def _found(self, upload_id: str) -> UploadDocument:
        raw = await self._collection.find_one({"_id": upload_id})
        if raw is None:
            raise _not_found(upload_id)
        return UploadDocument.model_validate(raw)

    @asynccontextmanager
    async def _claimed(self, upload_id: str) -> AsyncIterator[UploadDocument]:
        """Have an upload for oneself. Raises a problem, 409, while somebody else has it."""
        now = datetime.now(UTC)
        free = {"$or": [{"completing_until": None}, {"completing_until": {"$lt": now}}]}
        raw = await self._collection.find_one_and_update(
            {"_id": upload_id, **free}, {"$set": {"completing_until": now + _COMPLETING}}
        )
        if raw is None:
            await self._found(upload_id)
            raise _completing()
        try:
            yield UploadDocument.model_validate(raw)
        finally:
            await self._collection.update_one({"_id": upload_id}, {"$set": {"completing_until": None}})


def _completing() -> ProblemError:
    return ProblemError(
        409,
        "upload_completing",
        "This upload is being completed already: all of it is read again.",
        next_step="Ask again after Retry-After; it is answered as the first request is.",
        headers={"Retry-After": "5"},
    )


def _gone() -> ProblemError:
    return ProblemError(
        410,
        "upload_gone",
        "Nothing of this upload is kept any more.",
        next_step="Begin it anew; bytes that are here already are answered with their recording.",
    )


def _fits(document: UploadDocument, part: StoredPart) -> bool:
    return 1 <= part.number <= document.parts and part.size_bytes == document.part_size_bytes(part.number)


def _not_found(upload_id: str) -> ProblemError:
    return ProblemError(404, "not_found", f"There is no upload {upload_id[:64]} here.")
