"""Objects in S3: streamed in, streamed out, each call with a span and a bound on waiting."""

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ObjectMissingError, ObjectRefusedError, ObjectStoreError
from .guard import Answered, Guard
from .listed import ListedObject, UnfinishedObject
from .part_streams import PART_BYTES, chunks_of, next_part
from .s3 import call, open_clients
from .settings import ServiceSettings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

READ_BYTES = 256 * 1024


@dataclass(frozen=True)
class StoredPart:
    """A part of an object that is not complete yet, numbered from 1."""

    number: int
    size_bytes: int
    tag: str


class ObjectStore:
    """One bucket; `written_bytes` counts what was written into it from here."""

    def __init__(
        self, client: "S3Client", bucket: str, public: "S3Client | None" = None, guard: Guard | None = None
    ) -> None:
        """Use `client` for everything but URLs for clients outside, which `public` signs for where they find S3.

        guard  what every call passes; None: nothing
        """
        self._client = client
        self._bucket = bucket
        self._public = public or client
        self._guard = guard
        self.written_bytes = 0

    async def ensure_bucket(self) -> None:
        """Make the bucket unless it is there. Raises `ObjectStoreError`."""
        with suppress(ObjectMissingError):
            await self._look()
            return
        # Another service may have made it at the same moment; another owner's does not answer us.
        with suppress(ObjectRefusedError), self._call("CreateBucket", self._bucket):
            await self._client.create_bucket(Bucket=self._bucket)
        await self._look()

    async def ask(self, within_s: float | None = None) -> None:
        """Return when S3 answers, with or without a bucket. Raises `ObjectStoreError` where it does not."""
        with suppress(ObjectMissingError):
            await self._look(within_s)

    async def put(self, key: str, body: bytes, content_type: str) -> None:
        """Write a whole object."""
        with self._call("PutObject", key):
            await self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)
        self.written_bytes += len(body)

    async def put_all(self, objects: Mapping[str, bytes | Path]) -> None:
        """Write objects at the same time, from memory or from files, of the types that their keys' endings say.

        Raises the first error.
        """
        # rclone, the local stack's S3, answers 500 to two objects at once that are a folder's first.
        first = {key.rpartition("/")[0]: key for key in reversed(list(objects))}.values()
        for key in first:
            await self._put_one(key, objects[key])
        try:
            async with asyncio.TaskGroup() as writing:
                for key in objects.keys() - first:
                    writing.create_task(self._put_one(key, objects[key]))
        except ExceptionGroup as failed:
            # Callers know one error, and the first had the others cancelled.
            raise failed.exceptions[0] from failed

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Write an object of unknown length, holding one part in memory; an error leaves nothing behind."""
        first = await next_part(chunks)
        if len(first) < PART_BYTES:
            await self.put(key, bytes(first), "application/octet-stream")
            return
        with self._call("CreateMultipartUpload", key):
            upload = await self._client.create_multipart_upload(Bucket=self._bucket, Key=key)
        try:
            await self._put_parts(key, upload["UploadId"], first, chunks)
        except BaseException:
            # Parts that cannot be cleared away are invisible; what the caller must hear is the cause.
            with suppress(ObjectStoreError), self._call("AbortMultipartUpload", key):
                await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload["UploadId"])
            raise

    async def _look(self, within_s: float | None = None) -> None:
        with self._call("HeadBucket", self._bucket):
            async with asyncio.timeout(within_s):
                await self._client.head_bucket(Bucket=self._bucket)

    async def _put_one(self, key: str, body: bytes | Path) -> None:
        if isinstance(body, Path):
            await self.put_stream(key, chunks_of(body))
        else:
            await self.put(key, body, _content_type(key))

    async def _put_parts(self, key: str, upload_id: str, first: bytearray, chunks: AsyncIterator[bytes]) -> None:
        parts: list[Any] = []
        part = first
        while part:
            with self._call("UploadPart", key):
                answer = await self._client.upload_part(
                    Bucket=self._bucket, Key=key, UploadId=upload_id, PartNumber=len(parts) + 1, Body=bytes(part)
                )
            parts.append({"ETag": answer["ETag"], "PartNumber": len(parts) + 1})
            self.written_bytes += len(part)
            part = await next_part(chunks)
        with self._call("CompleteMultipartUpload", key):
            await self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
            )

    async def get(self, key: str) -> bytes:
        """Return a whole object; only for objects whose size we bounded when we wrote them."""
        with self._call("GetObject", key):
            answer = await self._client.get_object(Bucket=self._bucket, Key=key)
            async with answer["Body"] as body:
                return await body.read()

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes of an object from `start` up to `end`. Raises `ObjectStoreError` where it is shorter."""
        part = b"".join([block async for block in self.blocks(key, range(start, end))])
        if len(part) != end - start:
            raise ObjectStoreError("GetObject", key, f"{len(part)} bytes instead of {end - start}")
        return part

    async def blocks(self, key: str, part: range | None = None) -> AsyncIterator[bytes]:
        """Read an object, or the bytes of it whose numbers are in `part`, block by block."""
        wanted: Any = {"Range": f"bytes={part.start}-{part.stop - 1}"} if part is not None else {}
        with self._call("GetObject", key) as answered:
            answer = await self._client.get_object(Bucket=self._bucket, Key=key, **wanted)
            answered()
            async with answer["Body"] as body:
                async for block in body.content.iter_chunked(READ_BYTES):
                    yield block

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        with self._call("DeleteObject", key):
            await self._client.delete_object(Bucket=self._bucket, Key=key)

    async def presigned_url(self, key: str, lifetime_s: int) -> str:
        """Return a URL that reads one object for a while, for a child process that has no credentials."""
        return await self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=lifetime_s
        )

    async def size_bytes(self, key: str) -> int:
        """Return how large an object is. Raises `ObjectMissingError` where it is not there."""
        with self._call("HeadObject", key):
            return (await self._client.head_object(Bucket=self._bucket, Key=key))["ContentLength"]

    async def copy(self, key: str, target: str) -> None:
        """Copy an object inside S3, in parts where it is large. Raises `ObjectMissingError` where it is not there."""
        with self._call("CopyObject", key):
            await self._client.copy({"Bucket": self._bucket, "Key": key}, self._bucket, target)

    async def pages(self, prefix: str) -> AsyncIterator[list[ListedObject]]:
        """List the objects whose keys begin so, up to a thousand at a time."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with self._call("ListObjectsV2", prefix) as answered:
            async for page in pages:
                answered()
                yield [
                    ListedObject(each["Key"], each["Size"], each["LastModified"]) for each in page.get("Contents", [])
                ]

    async def unfinished(self, prefix: str) -> list[UnfinishedObject]:
        """List what was begun in parts under such keys, and not made an object of."""
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=prefix)
        found: list[UnfinishedObject] = []
        # rclone says that there is no such upload where a bucket never had one.
        with suppress(ObjectMissingError), self._call("ListMultipartUploads", prefix):
            async for page in pages:
                uploads = page.get("Uploads", [])
                found += [UnfinishedObject(each["Key"], each["UploadId"], each["Initiated"]) for each in uploads]
        return found

    async def begin_parts(self, key: str) -> str:
        """Begin an object that somebody else puts in parts; return what S3 calls it."""
        with self._call("CreateMultipartUpload", key):
            return (await self._client.create_multipart_upload(Bucket=self._bucket, Key=key))["UploadId"]

    async def part_url(self, key: str, upload_id: str, number: int, size_bytes: int, lifetime_s: int) -> str:
        """Return a URL to which one part of exactly that size can be put for a while, from outside."""
        part: Any = {"UploadId": upload_id, "PartNumber": number, "ContentLength": size_bytes}
        return await self._public.generate_presigned_url(
            "upload_part", Params={"Bucket": self._bucket, "Key": key, **part}, ExpiresIn=lifetime_s
        )

    async def parts(self, key: str, upload_id: str) -> list[StoredPart]:
        """Return the parts that are there. Raises `ObjectMissingError` where nothing is begun, or all is completed."""
        pages = self._client.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=upload_id)
        with self._call("ListParts", key):
            return [
                StoredPart(each["PartNumber"], each["Size"], each["ETag"])
                async for page in pages
                for each in page.get("Parts", [])
            ]

    async def complete_parts(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> None:
        """Make one object of its parts."""
        named: Any = [{"PartNumber": each.number, "ETag": each.tag} for each in parts]
        with self._call("CompleteMultipartUpload", key):
            await self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": named}
            )

    async def abort_parts(self, key: str, upload_id: str) -> None:
        """Forget parts; where there are none it is no error."""
        with suppress(ObjectMissingError), self._call("AbortMultipartUpload", key):
            await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)

    def _call(self, operation: str, key: str) -> AbstractContextManager[Answered]:
        return call(operation, key, self._guard)


@asynccontextmanager
async def open_object_store(
    settings: ServiceSettings, public_url: str | None = None, guard: Guard | None = None
) -> AsyncIterator[ObjectStore]:
    """Connect to S3, which clients outside find at `public_url`; the bucket is made when it is first needed.

    guard  what every call passes; None: nothing
    """
    async with open_clients(settings, public_url) as (client, public):
        yield ObjectStore(client, settings.s3_bucket, public, guard)


def _content_type(key: str) -> str:
    return mimetypes.guess_type(key)[0] or "application/octet-stream"
