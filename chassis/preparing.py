"""Make bucket, indexes, exchanges and queues by a command, before a service starts; it makes them itself, too."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import structlog

from .broker import CONNECTION_ERRORS, create_broker, declare_topology
from .documents import Database, PyMongoError, open_database
from .errors import DawnchorusError, NotPreparedError, ObjectStoreError
from .logging import configure_logging
from .objects import open_object_store
from .serve import Service, run
from .settings import ServiceSettings

log = structlog.get_logger()

S = TypeVar("S", bound=ServiceSettings)

PREPARE = "prepare"


def run_or_prepare(
    create: Callable[[Any], Service], prepare_indexes: Callable[[Database, S], Awaitable[None]], settings: S, name: str
) -> None:
    """Serve, or with `prepare` on the command line make what the service works with, and leave."""
    parser = argparse.ArgumentParser(prog=f"python -m services.{name}")
    parser.add_argument("command", nargs="?", choices=[PREPARE], help="make bucket, indexes and queues; then leave")
    if parser.parse_args().command == PREPARE:
        prepare(prepare_indexes, settings, name)
    else:
        run(create, settings, name)


def prepare(prepare_indexes: Callable[[Database, S], Awaitable[None]], settings: S, name: str) -> None:
    """Make what is missing of what the service works with; what is there stays as it is. Exits with 1 where it cannot.

    May be run at any time, as often as one likes, by several at once.
    """
    configure_logging(name, settings.log_level)
    try:
        asyncio.run(prepare_all(prepare_indexes, settings))
    except DawnchorusError as error:
        log.critical("service_failed", code=error.code, sentence=str(error))
        sys.exit(1)
    log.info("service_prepared")


async def prepare_all(prepare_indexes: Callable[[Database, S], Awaitable[None]], settings: S) -> None:
    """Make bucket, indexes and queues, each within `prepare_timeout_s`. Raises `NotPreparedError`."""
    # An index over a large collection takes longer than any request may.
    patient = settings.model_copy(update={"mongodb_timeout_s": settings.prepare_timeout_s})
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(patient))
        objects = await stack.enter_async_context(open_object_store(settings))
        broker = create_broker(settings)
        stack.push_async_callback(broker.stop)
        await _made("bucket", objects.ensure_bucket(), settings)
        await _made("indexes", prepare_indexes(database, settings), settings)
        await _made("queues", declare_topology(broker), settings)


async def _made(what: str, making: Awaitable[None], settings: ServiceSettings) -> None:
    try:
        async with asyncio.timeout(settings.prepare_timeout_s):
            await making
    except (PyMongoError, ObjectStoreError, *CONNECTION_ERRORS) as error:
        raise NotPreparedError(what, repr(error)) from error
