"""Recordings that we fetch ourselves.

Objects of a project's inbox are copied inside S3, then read once to be hashed; what lies at an address outside, of a
host that operators listed, comes in as an upload does.
"""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator

from litestar import post

from audio.errors import TooLargeError
from chassis.errors import ObjectMissingError, UnprocessableError
from chassis.inbox import inbox_key, inbox_uri
from chassis.metrics import IMPORT_SECONDS, timed
from chassis.objects import ObjectStore
from chassis.outward import OutwardClient, UnreachableError
from chassis.tracing import span
from contracts.importing import Imported, ImportOrder
from contracts.objects import audio_key

from .drafts import Received, Upload
from .forms import clean_name
from .room import Room
from .settings import IngestSettings
from .streams import nothing_more
from .uploads import Accepted, RejectedError, UploadDesk


class NothingThereError(UnprocessableError):
    """There is no object of that name in the inbox."""

    code = "object_missing"
    next_step = "Put the object there, then ask again."

    def __init__(self, uri: str) -> None:
        super().__init__(uri)

    def __str__(self) -> str:
        return f"There is no object {self.args[0][:200]}."


class FetchFailedError(UnprocessableError):
    """An address outside did not answer; whether it ever will, we cannot know."""

    code = "address_unreachable"
    next_step = "See that the address answers, then ask again."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    def __str__(self) -> str:
        return str(self.args[0])


class ImportDesk:
    """Takes in what lies in S3 already."""

    def __init__(
        self, objects: ObjectStore, desk: UploadDesk, settings: IngestSettings, outward: OutwardClient
    ) -> None:
        self._objects = objects
        self._desk = desk
        self._settings = settings
        self._outward = outward

    async def take(self, order: ImportOrder) -> Imported:
        """Make a recording of an object or of what an address answers; what lies there stays.

        Raises `ForeignUriError`, `NothingThereError`, `AddressRefusedError`, `TooLargeError`, `AnswerTooLargeError`,
        and `RejectedError` for what is no recording.
        """
        is_outside = order.uri.startswith(("http://", "https://"))
        with timed(IMPORT_SECONDS, "address" if is_outside else "inbox"):
            accepted = await (self._fetched(order) if is_outside else self._from_inbox(order))
        return Imported(id=accepted.recording_id, duplicate=accepted.duplicate)

    async def _fetched(self, order: ImportOrder) -> Accepted:
        limit_bytes, within_s = self._desk.max_upload_bytes, self._settings.fetch_timeout_s
        try:
            async with self._outward.get(order.uri, limit_bytes=limit_bytes, within_s=within_s) as blocks:
                return await self._desk.accept(_upload(order, blocks))
        except UnreachableError as error:
            raise FetchFailedError(str(error)) from error

    async def _from_inbox(self, order: ImportOrder) -> Accepted:
        key = inbox_key(order.uri, inbox_uri(self._settings.s3_bucket, self._settings.inbox_prefix, order.project_id))
        recording_id = str(uuid.uuid4())
        await self._copy(order.uri, key, audio_key(recording_id))
        received = await self._received(audio_key(recording_id))
        return await self._desk.settle(recording_id, _upload(order, nothing_more()), received)

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


def _upload(order: ImportOrder, chunks: AsyncIterator[bytes]) -> Upload:
    return Upload(
        order.project_id,
        clean_name(order.name),
        order.lane,
        chunks,
        rendering=order.rendering,
        batch_id=order.batch_id,
    )


@post("/imports", status_code=200)
async def import_recording(imports: ImportDesk, room: Room, data: ImportOrder) -> Imported:
    """Take in what lies in S3 already; answered once it is durable."""
    room.check()
    try:
        return await imports.take(data)
    except RejectedError as error:
        raise error.cause from error
