"""How full a disk is, and whether an error says that it is full."""

import errno
import shutil
from pathlib import Path

from pydantic import Field

from .settings import ServiceSettings

_FULL = (errno.ENOSPC, errno.EDQUOT)
# As libraries say it that give no number.
_SAID = ("no space left on device", "disk quota exceeded")


class DiskSettings(ServiceSettings):
    """When a disk counts as full."""

    disk_watermark: float = Field(0.95, gt=0, le=1)


def disk_used_ratio(folder: Path) -> float:
    """Return which part of the disk that holds `folder` cannot be written any more."""
    usage = shutil.disk_usage(folder)
    return 1 - usage.free / usage.total


def says_full(error: BaseException) -> bool:
    """Tell whether an error says that a disk, or a quota, is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(each in str(error).lower() for each in _SAID)
