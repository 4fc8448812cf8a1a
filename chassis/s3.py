"""The client of S3: the one file that names it, opens it, and makes its errors ours."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING

import aioboto3
from aiobotocore.config import AioConfig
from aiohttp import ClientError as WireError
from botocore.exceptions import BotoCoreError, ClientError

from contracts.objects import is_server_made

from .disk import answers_full
from .errors import (
    ObjectMissingError,
    ObjectRefusedError,
    ObjectStoreError,
    OpenBreakerError,
    StorageFullError,
    says_outage,
)
from .guard import Answered, Dependency, Guard, Symptoms
from .metrics import OBJECT_STORE_SECONDS, timed
from .settings import ServiceSettings
from .tracing import SpanKind, span

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_MISSING = ("NoSuchKey", "NoSuchUpload", "404")
# Not allowed in, too slow, too many: no fault of the one request.
_USELESS = (401, 403, 408, 429)


class ObjectStoreDownError(OpenBreakerError, ObjectStoreError):
    """S3 is down; it was not even asked."""


def object_store_guard(settings: ServiceSettings) -> Guard:
    """Return what is to stand before S3."""
    symptoms = Symptoms((ObjectStoreError,), says_outage, ObjectStoreDownError)
    return Guard(Dependency.S3, symptoms, settings.breaker_rules, idle_s=settings.ping_idle_s)


@asynccontextmanager
async def open_clients(
    settings: ServiceSettings, public_url: str | None = None
) -> AsyncIterator[tuple["S3Client", "S3Client"]]:
    """Connect to S3; return a client, and one whose URLs are for clients outside, which find S3 at `public_url`."""
    config = AioConfig(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=settings.s3_timeout_s,
        read_timeout=settings.s3_timeout_s,
        # The breaker counts calls, and the ladder repeats them.
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=64,
    )
    session = aioboto3.Session(
        settings.s3_access_key_id.get_secret_value(),
        settings.s3_secret_access_key.get_secret_value(),
        region_name=settings.s3_region,
    )
    async with (
        session.client("s3", endpoint_url=settings.s3_endpoint_url, config=config) as client,
        session.client("s3", endpoint_url=public_url or settings.s3_endpoint_url, config=config) as public,
    ):
        yield client, public


@contextmanager
def call(operation: str, key: str, guard: Guard | None) -> Iterator[Answered]:
    """Make one call of S3 in this block: behind `guard`, in a span, with errors of ours.

    The block may say that it was answered before it has ended.
    """
    attributes = {"rpc.system.name": "aws-api", "rpc.method": f"S3/{operation}", **_shown(key)}
    with (
        span(f"S3.{operation}", kind=SpanKind.CLIENT, attributes=attributes),
        timed(OBJECT_STORE_SECONDS, operation),
        guard.call() if guard is not None else nullcontext(_unheard) as answered,
    ):
        try:
            yield answered
        except ClientError as error:
            if answers_full(error.response):
                raise StorageFullError("bucket") from error
            raise _error_class(error)(operation, key, str(error)) from error
        except (BotoCoreError, WireError, OSError, TimeoutError) as error:
            raise ObjectStoreError(operation, key, repr(error)) from error


def _unheard() -> None:
    return


def _shown(key: str) -> dict[str, str]:
    # Keys in an inbox are file names of somebody's; ours are made of ids.
    return {"aws.s3.key": key} if is_server_made(key) else {}


def _error_class(error: ClientError) -> type[ObjectStoreError]:
    code, status = error.response.get("Error", {}).get("Code"), error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code in _MISSING:
        return ObjectMissingError
    is_answer = 400 <= status < 500 and status not in _USELESS and code != "NoSuchBucket"
    return ObjectRefusedError if is_answer else ObjectStoreError
