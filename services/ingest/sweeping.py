"""What goes by itself when its time is over: uploads in parts that nobody completed."""

import asyncio

import structlog

from chassis.documents import PyMongoError
from chassis.errors import ObjectStoreError

from .parts import PartDesk

log = structlog.get_logger()

SWEPT_EVERY_S = 600.0


async def sweep(parts: PartDesk) -> None:
    """Give up what has expired, for ever; two that race only find less."""
    while True:
        try:
            await parts.give_up_expired()
        except (PyMongoError, ObjectStoreError) as error:
            log.warning("sweep_failed", reason=str(error) or repr(error))
        await asyncio.sleep(SWEPT_EVERY_S)
