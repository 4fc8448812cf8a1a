"""Objects are put, got and deleted, whole, in parts and by streams: the fake and the real store do it alike."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chassis.errors import ObjectMissingError, ObjectStoreError
from chassis.objects import PART_BYTES, ObjectStore, open_object_store
from chassis.settings import ServiceSettings
from deploy.local.ports import free_ports
from tests.fakes import FakeObjects

AnyStore = ObjectStore | FakeObjects

KEY = "audio/0192f0c1/original"
PATIENCE_S = 30.0


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> AnyStore:
    """The fake and the real thing: what is asserted of one holds for the other."""
    if request.param == "fake":
        return FakeObjects()
    real: ObjectStore = request.getfixturevalue("objects")
    return real


@pytest.mark.parametrize("body", [b"", b"few bytes", bytes(range(256)) * 4000], ids=["none", "few", "many"])
async def test_what_is_put_can_be_got(store: AnyStore, body: bytes) -> None:
    await store.put(KEY, body, "application/octet-stream")

    assert await store.get(KEY) == body
    assert b"".join([block async for block in store.blocks(KEY)]) == body


async def test_many_objects_are_put_whole(store: AnyStore) -> None:
    many = {f"images/{folder}/{number}.png": bytes([number]) * 100_000 for folder in range(3) for number in range(6)}

    await store.put_all(many)

    assert {key: await store.get(key) for key in many} == many


async def test_a_file_is_put_like_what_is_in_memory(store: AnyStore, tmp_path: Path) -> None:
    file = tmp_path / "series.parquet"
    file.write_bytes(bytes(range(256)) * 40_000)

    await store.put_all({"series/one.parquet": file, "series/two.json": b"{}"})

    assert await store.get("series/one.parquet") == file.read_bytes()
    assert await store.get("series/two.json") == b"{}"


async def test_objects_are_put_at_the_same_time_once_their_folder_is_there() -> None:
    store = MeetingStore(expected=3)

    async with asyncio.timeout(PATIENCE_S):
        await store.put_all({f"folder/{number}": b"" for number in range(4)})

    assert store.put_alone == ["folder/0"]
    assert sorted(store.put_together) == ["folder/1", "folder/2", "folder/3"]


async def test_of_many_objects_the_first_failure_is_told() -> None:
    store = MeetingStore(expected=3, refused="folder/2")

    with pytest.raises(ObjectStoreError, match="folder/2"):
        await store.put_all({f"folder/{number}": b"" for number in range(4)})

    assert store.put_together == []


@pytest.mark.servers
async def test_an_object_that_is_put_has_the_type_that_its_key_says(objects: ObjectStore) -> None:
    await objects.put_all({"many/peaks.json": b"{}", "many/image.png": b"png", "many/peaks.dat": b"dat"})

    types = {key: await _stored_type(objects, f"many/{key}") for key in ("peaks.json", "image.png", "peaks.dat")}
    assert types == {
        "peaks.json": "application/json",
        "image.png": "image/png",
        "peaks.dat": "application/octet-stream",
    }


@pytest.mark.parametrize("part", [range(1), range(5, 9), range(300_000, 1_000_000)], ids=str)
async def test_the_blocks_of_a_part_of_an_object_can_be_read(store: AnyStore, part: range) -> None:
    body = bytes(range(256)) * 4000
    await store.put(KEY, body, "application/octet-stream")

    assert await _joined(store.blocks(KEY, part)) == body[part.start : part.stop]


async def test_a_second_put_replaces_the_first(store: AnyStore) -> None:
    await store.put(KEY, b"first", "text/plain")
    await store.put(KEY, b"second", "text/plain")

    assert await store.get(KEY) == b"second"


@pytest.mark.parametrize(
    "size_bytes",
    [0, 1, 300_000, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 300_000],
)
async def test_a_stream_of_any_length_is_stored_whole(store: AnyStore, size_bytes: int) -> None:
    await store.put_stream(KEY, _stream(size_bytes))

    assert await _sha256(store) == hashlib.sha256(await _joined(_stream(size_bytes))).hexdigest()


@pytest.mark.parametrize("size_bytes", [0, 300_000, 2 * PART_BYTES])
async def test_a_stream_that_breaks_leaves_nothing_behind(store: AnyStore, size_bytes: int) -> None:
    with pytest.raises(ZeroDivisionError):
        await store.put_stream(KEY, _broken_stream(size_bytes))

    with pytest.raises(ObjectMissingError):
        await store.get(KEY)


@pytest.mark.parametrize(("start", "end"), [(0, 1), (3, 7), (9, 10), (0, 10)])
async def test_a_part_of_an_object_can_be_read(store: AnyStore, start: int, end: int) -> None:
    await store.put(KEY, b"0123456789", "text/plain")

    assert await store.get_range(KEY, start, end) == b"0123456789"[start:end]


@pytest.mark.parametrize(("start", "end"), [(5, 11), (10, 12)])
async def test_a_part_behind_the_end_of_an_object_is_a_failure_of_storage(
    store: AnyStore, start: int, end: int
) -> None:
    await store.put(KEY, b"0123456789", "text/plain")

    with pytest.raises(ObjectStoreError):
        await store.get_range(KEY, start, end)


async def test_an_object_that_is_not_there_is_called_missing(store: AnyStore) -> None:
    with pytest.raises(ObjectMissingError, match=KEY):
        await store.get(KEY)
    with pytest.raises(ObjectMissingError, match=KEY):
        [block async for block in store.blocks(KEY)]


async def test_a_deleted_object_is_gone_and_deleting_it_again_is_no_error(store: AnyStore) -> None:
    await store.put(KEY, b"body", "text/plain")

    await store.delete(KEY)
    await store.delete(KEY)

    with pytest.raises(ObjectMissingError):
        await store.get(KEY)


@pytest.mark.servers
async def test_storage_that_does_not_answer_is_a_passing_failure(settings: ServiceSettings) -> None:
    nobody = f"http://127.0.0.1:{next(free_ports())}"

    async with open_object_store(settings.model_copy(update={"s3_endpoint_url": nobody})) as away:
        with pytest.raises(ObjectStoreError) as failure:
            await away.put(KEY, b"body", "text/plain")
        with pytest.raises(ObjectStoreError):
            await away.put_all({KEY: b"body", "audio/0192f0c1/other": b"body"})

    assert failure.value.code == "object_store_unavailable"


@pytest.mark.servers
async def test_what_a_caller_refuses_is_told_as_it_is_though_storage_is_away(settings: ServiceSettings) -> None:
    nobody = f"http://127.0.0.1:{next(free_ports())}"

    async with open_object_store(settings.model_copy(update={"s3_endpoint_url": nobody})) as away:
        with pytest.raises(ZeroDivisionError):
            await away.put_stream(KEY, _broken_stream(1000))


@pytest.mark.servers
async def test_no_parts_of_a_broken_stream_are_kept(objects: ObjectStore) -> None:
    with pytest.raises(ZeroDivisionError):
        await objects.put_stream(KEY, _broken_stream(2 * PART_BYTES))

    listed = await objects._client.list_multipart_uploads(Bucket=objects._bucket)
    assert listed.get("Uploads", []) == []


@pytest.mark.servers
async def test_what_broke_a_stream_is_told_though_it_could_not_be_cleared_away(objects: ObjectStore) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        async for chunk in _stream(PART_BYTES):
            yield chunk
        listed = await objects._client.list_multipart_uploads(Bucket=objects._bucket)
        for upload in listed["Uploads"]:
            await objects._client.abort_multipart_upload(
                Bucket=objects._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await objects.put_stream(KEY, chunks())


@pytest.mark.servers
async def test_the_bucket_is_made_once(settings: ServiceSettings, objects: ObjectStore) -> None:
    await objects.put(KEY, b"body", "text/plain")

    await objects.ensure_bucket()

    assert await objects.get(KEY) == b"body"


class MeetingStore(ObjectStore):
    """A store whose first put ends at once, and the others when all that are expected have begun.

    refused  a key that fails at once
    """

    def __init__(self, expected: int, refused: str | None = None) -> None:
        self._refused = refused
        self._all_there = asyncio.Barrier(expected)
        self.put_alone: list[str] = []
        self.put_together: list[str] = []

    async def put(self, key: str, body: bytes, content_type: str) -> None:
        if not self.put_alone:
            self.put_alone.append(key)
            return
        if key == self._refused:
            raise ObjectStoreError("PutObject", key, "refused")
        await self._all_there.wait()
        self.put_together.append(key)


async def _stored_type(objects: ObjectStore, key: str) -> str:
    found = await objects._client.head_object(Bucket=objects._bucket, Key=key)
    return found["ContentType"]


async def _stream(size_bytes: int) -> AsyncIterator[bytes]:
    # Chunks that divide neither a part nor a block.
    chunk = bytes(range(251)) * 400
    while size_bytes > 0:
        yield chunk[:size_bytes]
        size_bytes -= len(chunk)


async def _broken_stream(size_bytes: int) -> AsyncIterator[bytes]:
    async for chunk in _stream(size_bytes):
        yield chunk
    raise ZeroDivisionError


async def _joined(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def _sha256(store: AnyStore) -> str:
    return hashlib.sha256(await _joined(store.blocks(KEY))).hexdigest()
