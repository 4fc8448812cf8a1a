"""Batches that ended long ago are forgotten, with their items; recordings and results stay."""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from chassis.documents import PyMongoError

from .batches import Batches

log = structlog.get_logger()

LOOKED_EVERY_S = 600.0


async def forget_batches(batches: Batches, kept: timedelta) -> None:
    """Forget what is old, for ever; replicas that race only find less."""
    while True:
        try:
            while await batches.forget(datetime.now(UTC) - kept):
                pass
        except PyMongoError as error:
            log.warning("forgetting_failed", reason=str(error))
        await asyncio.sleep(LOOKED_EVERY_S)
