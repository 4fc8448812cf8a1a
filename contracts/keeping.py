"""The documents by which services keep their part of the bucket in order."""

from datetime import datetime

from pydantic import Field

from .vocabulary import ContractModel

STORAGE = "storage"
SWEEP_LOCKS = "sweep_locks"


class StorageDocument(ContractModel):
    """What one service has in the bucket; `_id` is the service's name, and it is the only writer."""

    id: str = Field(alias="_id")
    sweep_due_at: datetime | None = Field(None, description="When a replica next lists what the service has.")
    stored_bytes: int = Field(0, description="What the last listing found, and what was written since.")


class SweepLockDocument(ContractModel):
    """A recording whose nameless objects are being removed; `_id` is `{collection}/{recording}`.

    Written by the service of that collection, whose workers begin nothing on the recording meanwhile.
    """

    id: str = Field(alias="_id")
    until: datetime
