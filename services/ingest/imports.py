"""Recordings that we fetch ourselves: objects of a project's inbox, copied inside S3, then read once to be hashed."""

import asyncio
import hashlib
import uuid

from litestar import post

from audio.errors import TooLargeError
from chassis.errors import ObjectMissingError, UnprocessableError
from chassis.inbox import inbox_key, inbox_uri
from chassis.objects import ObjectStore
from chassis.tracing import span
from contracts.importing import Imported, ImportOrder
from contracts.objects import audio_key

from .drafts import Received, Upload
from .forms import clean_name
from .settings import IngestSettings
from .streams import nothing_more
from .uploads import RejectedError, UploadDesk


class NothingThereError(UnprocessableError):
    """There is no object of that name in the inbox."""

    code = "object_missing"
    next_step = "Put the object there, then ask again."

    def __init__(self, uri: str) -> None:
        super().__init__(uri)

    def __str__(self) -> str:
        return f"There is no object {self.args[0][:200]}."


class ImportDesk:
    """Takes in what lies in S3 already."""

    def __init__(self, objects: ObjectStore, desk: UploadDesk, settings: IngestSettings) -> None:
        self._objects = objects
        self._desk = desk
        self._settings = settings

    async def take(self, order: ImportOrder) -> Imported:
        """Make a recording of an object; the object itself stays.

        Raises `ForeignUriError`, `NothingThereError`, `TooLargeError`, and `RejectedError` for what is no recording.
        """
        key = inbox_key(order.uri, inbox_uri(self._settings.s3_bucket, self._settings.inbox_prefix, order.project_id))
        recording_id = str(uuid.uuid4())
        await self._copy(order.uri, key, audio_key(recording_id))
        received = await self._received(audio_key(recording_id))
        upload = Upload(
            order.project_id,
            clean_name(order.name),
            order.lane,
            nothing_more(),
            rendering=order.rendering,
            batch_id=order.batch_id,
        )
        accepted = await self._desk.settle(recording_id, upload, received)
        return Imported(id=accepted.recording_id, duplicate=accepted.duplicate)

    async def _copy(self, uri: str, key: str, target: str) -> None:
        try:
            size_bytes = await self._objects.size_bytes(key)
            if size_bytes > self._settings.max_parted_upload_bytes:
                raise TooLargeError(self._settings.max_parted_upload_bytes)
            await self._objects.copy(key, target)
        except ObjectMissingError as error:
            raise NothingThereError(uri) from error

    async def _received(self, key: str) -> Received:
        """Read the copy, which nobody else can change."""
        digest, size_bytes = hashlib.sha256(), 0
        try:
            with span("hash"):
                async for block in self._objects.blocks(key):
                    digest.update(block)
                    size_bytes += len(block)
        except BaseException:
            await asyncio.shield(self._objects.delete(key))
            raise
        return Received(digest.hexdigest(), size_bytes)


@post("/imports", status_code=200)
async def import_recording(imports: ImportDesk, data: ImportOrder) -> Imported:
    """Take in what lies in S3 already; answered once it is durable."""
    try:
        return await imports.take(data)
    except RejectedError as error:
        raise error.cause from error
