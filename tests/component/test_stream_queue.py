"""Reading a stream to the end of its connection."""

import asyncio
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from chassis.stream_queue import StoredMessage, stored_messages
from contracts.topology import HISTORY_QUEUE
from deploy.local.servers import Servers

from .consumers import send
from .polling import eventually
from .rabbit import Rabbit

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("broker")]

TIMEOUT_S = 20


async def test_reading_ends_with_its_connection_while_a_batch_is_still_being_done_with(
    servers: Servers, rabbit: Rabbit
) -> None:
    await send(rabbit)
    read: list[list[StoredMessage]] = []

    async with aclosing(stored_messages(rabbit.url, HISTORY_QUEUE, "first", TIMEOUT_S)) as batches:
        async with asyncio.timeout(TIMEOUT_S):
            async for batch in batches:
                read.append(batch)
                await _cut_connections(servers, rabbit)

    assert len(read) == 1


async def _cut_connections(servers: Servers, rabbit: Rabbit) -> None:
    """Have the broker close every connection to this virtual host, and wait until it has."""
    vhost = rabbit.url.rpartition("/")[2]
    async with httpx.AsyncClient(base_url=servers.rabbitmq.management_url) as management:

        async def known() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = (await management.get(f"/api/vhosts/{vhost}/connections")).json()
            return found

        # The management learns of connections some seconds after they are made.
        for each in await eventually(known):
            await management.delete(f"/api/connections/{each['name']}")
    await asyncio.sleep(0.2)
