"""What listings of a bucket show."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing shows it."""

    key: str
    size_bytes: int
    written_at: datetime


@dataclass(frozen=True)
class UnfinishedObject:
    """Parts that nobody has made an object of, by what S3 calls them."""

    key: str
    upload_id: str
    begun_at: datetime
