"""What comes of an S3 that says that it is full."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chassis.errors import ObjectStoreError, StorageFullError
from chassis.objects import ObjectStore
from chassis.problems import full


class FullClient:
    """A client of an S3 that refuses to store anything."""

    def __init__(self, status: int, code: str) -> None:
        self._answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}

    async def put_object(self, **_: Any) -> None:
        raise ClientError(self._answer, "PutObject")


@pytest.mark.parametrize(("status", "code"), [(507, "XMinioStorageFull"), (403, "QuotaExceeded"), (507, "")])
async def test_a_server_that_says_that_it_is_full_is_not_called_broken(status: int, code: str) -> None:
    with pytest.raises(StorageFullError) as refusal:
        await _store(status, code).put("audio/a/original", b"", "audio/wav")

    problem = full(refusal.value)
    assert (problem.status, problem.code, int(problem.headers["Retry-After"]) > 0) == (507, "storage_full", True)


async def test_any_other_refusal_is_what_it_was() -> None:
    with pytest.raises(ObjectStoreError):
        await _store(500, "InternalError").put("audio/a/original", b"", "audio/wav")


def _store(status: int, code: str) -> ObjectStore:
    client: Any = FullClient(status, code)
    return ObjectStore(client, "bucket")
