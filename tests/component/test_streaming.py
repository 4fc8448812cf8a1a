"""A recording that a job reads where it lies gives what a copy of it gives."""

from pathlib import Path

import numpy as np
import pytest

from audio.format import AudioLimits
from chassis.errors import ObjectCorruptError
from chassis.objects import ObjectStore
from chassis.progress import ProgressFile
from chassis.ranged import STREAMED_BLOCK_BYTES, RemoteObject, opened_source
from contracts.rendering import RenderParameters
from services.analysis.job import analyse_recording
from services.analysis.plan import Plan
from services.spectrogram.job import render_recording
from tests.audio import write
from tests.unit.chassis.errands import sha256

pytestmark = pytest.mark.servers

KEY = "audio/0192f0c1/original"
LIMITS = AudioLimits()


@pytest.mark.parametrize("suffix", ["wav", "flac"])
async def test_streamed_and_copied_recordings_give_the_same_images_and_features(
    objects: ObjectStore, tmp_path: Path, suffix: str
) -> None:
    path = _long_recording(tmp_path / f"long.{suffix}")
    remote = await _stored(objects, path.read_bytes())
    progress = ProgressFile(tmp_path / "progress")

    drawn = [render_recording(each, suffix, LIMITS, RenderParameters(), 0, True, progress) for each in (path, remote)]
    heard = [analyse_recording(each, suffix, LIMITS, Plan(("levels", "spectral")), progress) for each in (path, remote)]

    assert path.stat().st_size > 2 * STREAMED_BLOCK_BYTES
    assert {name: image.png for name, image in drawn[0].images.items()} == {
        name: image.png for name, image in drawn[1].images.items()
    }
    assert [each.payload for each in heard[0].extractors] == [each.payload for each in heard[1].extractors]


async def test_an_object_that_was_changed_is_found_out_at_the_end(objects: ObjectStore, tmp_path: Path) -> None:
    path = _long_recording(tmp_path / "long.wav")
    remote = await _stored(objects, path.read_bytes())
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    await objects.put(KEY, bytes(changed), "audio/wav")

    with pytest.raises(ObjectCorruptError) as failure:
        render_recording(remote, "wav", LIMITS, RenderParameters(), 0, True, ProgressFile(tmp_path / "progress"))

    assert failure.value.code == "object_corrupt"


async def test_the_largest_objects_are_streamed_in_a_few_blocks_of_memory(objects: ObjectStore) -> None:
    body = bytes(5 * STREAMED_BLOCK_BYTES + 7)
    await objects.put(KEY, body, "application/octet-stream")
    remote = RemoteObject(KEY, await objects.presigned_url(KEY, 60), len(body), sha256(body))

    with opened_source(remote) as source:
        assert not isinstance(source, Path)
        while source.read(100_000):
            held = sum(len(block) for block in source._blocks.values())  # type: ignore[attr-defined] # what it is about
            assert held <= 3 * STREAMED_BLOCK_BYTES


async def _stored(objects: ObjectStore, body: bytes) -> RemoteObject:
    await objects.put(KEY, body, "application/octet-stream")
    return RemoteObject(KEY, await objects.presigned_url(KEY, lifetime_s=60), len(body), sha256(body))


def _long_recording(path: Path) -> Path:
    noise = np.random.default_rng(5).uniform(-0.4, 0.4, (50 * 96_000, 1)).astype(np.float32)
    return write(path, noise, 96_000)
