"""Whether there is room for new work: on the disks that are near, and in the bucket."""

import asyncio
import tempfile
from pathlib import Path

import structlog
from litestar import get

from chassis.disk import DiskSettings, disk_used_ratio
from chassis.documents import PyMongoError
from chassis.errors import StorageFullError
from chassis.metrics import STORAGE_USED, UPLOADS_REFUSED
from chassis.storage import Storage

log = structlog.get_logger()

LOOKED_EVERY_S = 5.0


class RoomSettings(DiskSettings):
    """How much the bucket may hold; None: as much as there is."""

    bucket_bytes_max: int | None = None
    bucket_folder: Path | None = None


class Room:
    """Refuses what there is no room for, before anything is taken in.

    What the bucket holds is known from listings, and from what all services wrote since: nothing is asked while an
    upload waits.
    """

    def __init__(self, storage: Storage, settings: RoomSettings) -> None:
        self._storage = storage
        self._settings = settings
        self._stored_bytes = 0
        self._unsaid_bytes = 0

    async def run(self) -> None:
        """Look around for ever."""
        while True:
            try:
                await self.look()
            except PyMongoError as error:
                log.warning("storage_not_counted", reason=str(error))
            await asyncio.sleep(LOOKED_EVERY_S)

    async def look(self) -> None:
        """Say what was taken in, and hear what everybody has stored."""
        unsaid_bytes = self._unsaid_bytes
        if unsaid_bytes:
            await self._storage.add(unsaid_bytes)
        self._unsaid_bytes -= unsaid_bytes
        self._stored_bytes = await self._storage.stored_bytes()
        for what, used in self._used().items():
            STORAGE_USED.labels(what).set(used)

    def took(self, size_bytes: int) -> None:
        """Note that so much was stored."""
        self._unsaid_bytes += size_bytes

    def check(self, size_bytes: int = 0) -> None:
        """Raise `StorageFullError` where there is no room for so much more."""
        for what, used in self._used(size_bytes).items():
            # A bucket may be filled to its last byte, a disk only up to the watermark.
            if used > 1 if what == "bucket" else used >= self._settings.disk_watermark:
                UPLOADS_REFUSED.labels(what).inc()
                raise StorageFullError(what)

    def _used(self, more_bytes: int = 0) -> dict[str, float]:
        settings, used = self._settings, {"disk": disk_used_ratio(Path(tempfile.gettempdir()))}
        if settings.bucket_folder is not None:
            used["bucket_disk"] = disk_used_ratio(settings.bucket_folder)
        if settings.bucket_bytes_max is not None:
            used["bucket"] = (self._stored_bytes + self._unsaid_bytes + more_bytes) / settings.bucket_bytes_max
        return used


@get("/room", status_code=204)
async def look_for_room(room: Room) -> None:
    """Answer 507 where there is no room for new work."""
    room.check()
