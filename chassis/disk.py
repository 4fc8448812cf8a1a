"""How full a disk is, and whether an error says that it is full."""

import errno
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from .settings import ServiceSettings

_INSUFFICIENT_STORAGE = 507
# As MinIO and Ceph say it; Amazon's S3 has no end, and rclone says nothing but 500.
_FULL_CODES = ("XMinioStorageFull", "QuotaExceeded")
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


def answers_full(answer: Mapping[str, Any]) -> bool:
    """Tell whether what S3 answered says that it has no room."""
    status, code = answer["ResponseMetadata"]["HTTPStatusCode"], answer.get("Error", {}).get("Code")
    return status == _INSUFFICIENT_STORAGE or code in _FULL_CODES
