"""Scratch folders: a process has one for all that it works on, and the next one removes what a dead one left."""

import asyncio
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from .disk import disk_used_ratio
from .errors import ScratchFullError, says_full
from .metrics import OBJECTS_SWEPT, STORAGE_USED

log = structlog.get_logger()

PREFIX = "dawnchorus-scratch-"
SWEPT_EVERY_S = 600.0
LOOKED_EVERY_S = 5.0
# Less than a service that is told to stop may take to finish.
WAITED_S = 10.0
_LOOKED_AGAIN_S = 0.5
_LOCK = "lock"
# Between a folder and its lock there is a moment.
_YOUNG_S = 60.0


@contextmanager
def scratch_root() -> Iterator[Path]:
    """Have a folder that is locked as long as this process lives, and gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(root / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)
        os.close(lock)


@contextmanager
def scratch_folder(root: Path | None) -> Iterator[Path]:
    """Have a folder for one attempt, in `root` or in the system's. Raises `ScratchFullError` where the disk is full."""
    try:
        # A child that is being ended may still write: what is then left goes with the root, and the attempt's own end
        # is not replaced by an error of tidying up.
        with tempfile.TemporaryDirectory(prefix="dawnchorus-", dir=root, ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    except OSError as error:
        if not says_full(error):
            raise
        raise ScratchFullError(str(error)) from error


async def wait_for_room(watermark: float) -> None:
    """Return when the disk has room. Raises `ScratchFullError` where that takes longer than a message should wait."""
    deadline_s = time.monotonic() + WAITED_S
    while disk_used_ratio(Path(tempfile.gettempdir())) > watermark:
        if time.monotonic() > deadline_s:
            raise ScratchFullError("it is above the watermark")
        await asyncio.sleep(_LOOKED_AGAIN_S)


def sweep_scratch() -> int:
    """Remove the folders of processes that are dead: nobody holds their locks; return how many."""
    swept = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)
            log.info("scratch_swept", folder=folder.name)
            swept += 1
    OBJECTS_SWEPT.labels("scratch").inc(swept)
    return swept


async def keep_scratch() -> None:
    """Remove what is left, and say how full the disk is, for ever."""
    swept_s = -SWEPT_EVERY_S
    while True:
        STORAGE_USED.labels("disk").set(disk_used_ratio(Path(tempfile.gettempdir())))
        if time.monotonic() - swept_s >= SWEPT_EVERY_S:
            await asyncio.to_thread(sweep_scratch)
            swept_s = time.monotonic()
        await asyncio.sleep(LOOKED_EVERY_S)


def _is_left(folder: Path) -> bool:
    try:
        if time.time() - folder.stat().st_mtime < _YOUNG_S:
            return False
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError:
        # Another user's, or gone by now.
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
