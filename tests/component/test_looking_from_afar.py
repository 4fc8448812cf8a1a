"""A first look at an object in S3, by ranges of it."""

from pathlib import Path

import pytest

from audio.decode import AudioLimits
from audio.errors import NotDecodableError
from audio.format import reads_in_order
from audio.sniff import sniff_source
from chassis.errors import ObjectStoreError
from chassis.objects import ObjectStore
from contracts.rendering import RenderParameters
from services.spectrogram.job import look_at, look_from_afar
from tests.audio import tone, write

pytestmark = pytest.mark.servers

RATE_HZ = 16_000
HOW = (AudioLimits(), RenderParameters())


@pytest.mark.parametrize("suffix", ["wav", "w64", "aiff", "caf", "flac"])
async def test_a_look_from_afar_is_the_look_at_the_fetched_file(
    objects: ObjectStore, tmp_path: Path, suffix: str
) -> None:
    path = write(tmp_path / f"tone.{suffix}", tone(1000, duration_s=300, rate_hz=RATE_HZ), RATE_HZ)
    with path.open("rb") as opened:
        container = sniff_source(opened)
    url = await _stored(objects, path.read_bytes())

    look = look_from_afar(url, path.stat().st_size, container, *HOW)

    assert reads_in_order(container)
    assert look is not None
    assert look == look_at(path, container, *HOW)


async def test_an_object_that_cannot_be_read_is_no_fault_of_the_recording(objects: ObjectStore) -> None:
    url = await objects.presigned_url("audio/nothing", 60)

    with pytest.raises(ObjectStoreError):
        look_from_afar(url, 100_000, "wav", *HOW)


async def test_an_object_that_is_no_recording_is_said_to_be_none(objects: ObjectStore) -> None:
    url = await _stored(objects, bytes(100_000))

    with pytest.raises(NotDecodableError):
        look_from_afar(url, 100_000, "wav", *HOW)


async def _stored(objects: ObjectStore, body: bytes) -> str:
    await objects.put("audio/recording", body, "application/octet-stream")
    return await objects.presigned_url("audio/recording", 60)
