from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from chassis.errors import StorageFullError
from services.ingest.room import Room, RoomSettings


class FakeStorage:
    """What all services have in the bucket, as a number."""

    def __init__(self, stored_bytes: int = 0) -> None:
        self.bytes = stored_bytes

    async def add(self, size_bytes: int) -> None:
        self.bytes += size_bytes

    async def stored_bytes(self) -> int:
        return self.bytes


async def test_what_does_not_fit_into_the_bucket_is_refused_before_it_is_taken_in() -> None:
    room = _room(FakeStorage(900), bucket_bytes_max=1000)
    await room.look()

    room.check(100)
    with pytest.raises(StorageFullError):
        room.check(101)


async def test_what_was_taken_in_since_the_last_look_counts_at_once_and_is_said_once() -> None:
    storage = FakeStorage(900)
    room = _room(storage, bucket_bytes_max=1000)
    await room.look()

    room.took(60)
    with pytest.raises(StorageFullError):
        room.check(50)
    await room.look()
    await room.look()

    assert storage.bytes == 960
    room.check(40)


async def test_there_is_room_again_once_somebody_made_some() -> None:
    storage = FakeStorage(1001)
    room = _room(storage, bucket_bytes_max=1000)
    await room.look()
    with pytest.raises(StorageFullError):
        room.check()

    storage.bytes = 10
    await room.look()

    room.check(900)


async def test_a_disk_above_its_watermark_takes_no_new_work_and_is_counted(tmp_path: Path) -> None:
    before = _refused("bucket_disk")

    with pytest.raises(StorageFullError, match="the disk is full"):
        _room(FakeStorage(), disk_watermark=1e-9).check()
    with pytest.raises(StorageFullError, match="the bucket disk is full"):
        _room(FakeStorage(), disk_watermark=1.0, bucket_folder=tmp_path, full=True).check()

    assert _refused("bucket_disk") == before + 1


async def test_without_bounds_only_a_full_disk_is_full() -> None:
    _room(FakeStorage(10**15), disk_watermark=1.0).check(10**15)


def _room(storage: Any, *, full: bool = False, **said: Any) -> Room:
    servers = dict.fromkeys(("amqp_url", "mongodb_url", "s3_access_key_id", "s3_secret_access_key"), "unused")
    room = Room(storage, RoomSettings(**{"disk_watermark": 1.0, **servers, **said}))
    if full:
        # The scratch folders' disk may be the same one.
        room._used = lambda more_bytes=0: {"disk": 0.5, "bucket_disk": 1.0}  # type: ignore[method-assign]
    return room


def _refused(reason: str) -> float:
    return REGISTRY.get_sample_value("dawnchorus_uploads_refused_total", {"reason": reason}) or 0.0
