"""A child reads an object by ranges of a URL that opens this one only, without credentials."""

import io
import urllib.request

import pytest
import soundfile

from chassis.errors import ObjectStoreError
from chassis.objects import ObjectStore
from chassis.ranged import BLOCK_BYTES, RangedObject
from tests.audio import tone, wav_bytes

pytestmark = pytest.mark.servers

KEY = "audio/0192f0c1/original"


async def test_a_child_reads_a_recording_by_ranges_without_credentials(objects: ObjectStore) -> None:
    body = wav_bytes(tone(duration_s=10))
    await objects.put(KEY, body, "audio/wav")
    url = await objects.presigned_url(KEY, lifetime_s=60)

    with io.BufferedReader(RangedObject(url, len(body))) as remote:
        head, tail = remote.read(100), _read_at(remote, len(body) - 100)
        around = _read_at(remote, BLOCK_BYTES - 50)[:100]
        beyond = _read_at(remote, len(body) + 5)

    assert (head, tail) == (body[:100], body[-100:])
    assert around == body[BLOCK_BYTES - 50 : BLOCK_BYTES + 50]
    assert beyond == b""


async def test_a_decoder_reads_a_recording_where_it_lies(objects: ObjectStore) -> None:
    body = wav_bytes(tone(duration_s=10))
    await objects.put(KEY, body, "audio/wav")

    with (
        io.BufferedReader(RangedObject(await objects.presigned_url(KEY, 60), len(body))) as remote,
        soundfile.SoundFile(remote) as sound,
    ):
        sound.seek(400_000)
        read = sound.read(1000, dtype="int16")

    expected, _ = soundfile.read(io.BytesIO(body), start=400_000, frames=1000, dtype="int16")
    assert (read == expected).all()


async def test_a_range_of_an_object_that_is_not_there_is_a_failure_of_storage(objects: ObjectStore) -> None:
    url = await objects.presigned_url(KEY, lifetime_s=60)

    with RangedObject(url, 1000) as remote, pytest.raises(ObjectStoreError, match="404"):
        remote.read(10)


async def test_a_presigned_url_opens_one_object_only(objects: ObjectStore) -> None:
    await objects.put(KEY, b"mine", "text/plain")
    await objects.put("audio/other/original", b"theirs", "text/plain")
    url = await objects.presigned_url(KEY, lifetime_s=60)

    with pytest.raises(OSError, match="403"):
        urllib.request.urlopen(url.replace("0192f0c1", "other"), timeout=10)  # noqa: S310, ASYNC210 (our own server)


def _read_at(remote: io.BufferedIOBase, position: int) -> bytes:
    remote.seek(position)
    return remote.read(100)
