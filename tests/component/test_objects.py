import hashlib
import io
import urllib.request
from collections.abc import AsyncIterator

import pytest
import soundfile

from chassis.errors import ObjectMissingError, ObjectStoreError
from chassis.objects import PART_BYTES, ObjectStore, open_object_store
from chassis.ranged import BLOCK_BYTES, RangedObject
from chassis.settings import ServiceSettings
from deploy.local.ports import free_ports
from tests.audio import tone
from tests.fakes import FakeObjects

AnyStore = ObjectStore | FakeObjects

KEY = "audio/0192f0c1/original"


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
async def test_a_child_reads_a_recording_by_ranges_without_credentials(objects: ObjectStore) -> None:
    body = _wav(duration_s=10)
    await objects.put(KEY, body, "audio/wav")
    url = await objects.presigned_url(KEY, lifetime_s=60)

    with io.BufferedReader(RangedObject(url, len(body))) as remote:
        head, tail = remote.read(100), _read_at(remote, len(body) - 100)
        around = _read_at(remote, BLOCK_BYTES - 50)[:100]
        beyond = _read_at(remote, len(body) + 5)

    assert (head, tail) == (body[:100], body[-100:])
    assert around == body[BLOCK_BYTES - 50 : BLOCK_BYTES + 50]
    assert beyond == b""


@pytest.mark.servers
async def test_a_decoder_reads_a_recording_where_it_lies(objects: ObjectStore) -> None:
    body = _wav(duration_s=10)
    await objects.put(KEY, body, "audio/wav")

    with (
        io.BufferedReader(RangedObject(await objects.presigned_url(KEY, 60), len(body))) as remote,
        soundfile.SoundFile(remote) as sound,
    ):
        sound.seek(400_000)
        read = sound.read(1000, dtype="int16")

    expected, _ = soundfile.read(io.BytesIO(body), start=400_000, frames=1000, dtype="int16")
    assert (read == expected).all()


@pytest.mark.servers
async def test_a_range_of_an_object_that_is_not_there_is_a_failure_of_storage(objects: ObjectStore) -> None:
    url = await objects.presigned_url(KEY, lifetime_s=60)

    with RangedObject(url, 1000) as remote, pytest.raises(ObjectStoreError, match="404"):
        remote.read(10)


@pytest.mark.servers
async def test_a_presigned_url_opens_one_object_only(objects: ObjectStore) -> None:
    await objects.put(KEY, b"mine", "text/plain")
    await objects.put("audio/other/original", b"theirs", "text/plain")
    url = await objects.presigned_url(KEY, lifetime_s=60)

    with pytest.raises(OSError, match="403"):
        urllib.request.urlopen(url.replace("0192f0c1", "other"), timeout=10)  # noqa: S310, ASYNC210 (our own server)


@pytest.mark.servers
async def test_storage_that_does_not_answer_is_a_passing_failure(settings: ServiceSettings) -> None:
    nobody = f"http://127.0.0.1:{next(free_ports())}"

    async with open_object_store(settings.model_copy(update={"s3_endpoint_url": nobody})) as away:
        with pytest.raises(ObjectStoreError) as failure:
            await away.put(KEY, b"body", "text/plain")

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


def _wav(*, duration_s: float) -> bytes:
    target = io.BytesIO()
    soundfile.write(target, tone(duration_s=duration_s), 44_100, format="WAV")
    return target.getvalue()


def _read_at(remote: io.BufferedIOBase, position: int) -> bytes:
    remote.seek(position)
    return remote.read(100)


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
