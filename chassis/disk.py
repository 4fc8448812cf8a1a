"""How full a disk is, and whether S3 answers that its disk is."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from .settings import ServiceSettings

_INSUFFICIENT_STORAGE = 507
# As MinIO and Ceph say it; Amazon's S3 has no end, and rclone says nothing but 500.
_FULL_CODES = ("XMinioStorageFull", "QuotaExceeded")


class DiskSettings(ServiceSettings):
    """When a disk counts as full."""

    disk_watermark: float = Field(0.95, gt=0, le=1)


def disk_used_ratio(folder: Path) -> float:
    """Return which part of the disk that holds `folder` cannot be written any more."""
    usage = shutil.disk_usage(folder)
    return 1 - usage.free / usage.total


def answers_full(answer: Mapping[str, Any]) -> bool:
    """Tell whether what S3 answered says that it has no room."""
    status, code = answer["ResponseMetadata"]["HTTPStatusCode"], answer.get("Error", {}).get("Code")
    return status == _INSUFFICIENT_STORAGE or code in _FULL_CODES
