"""Real servers for one test at a time: a database, a bucket and a virtual host of its own."""

import uuid
from collections.abc import AsyncIterator

import aio_pika
import httpx
import pytest
import pytest_asyncio
from faststream.rabbit import RabbitBroker

from chassis.broker import create_broker, declare_topology
from chassis.documents import Database, open_database
from chassis.objects import ObjectStore, open_object_store
from chassis.settings import ServiceSettings
from deploy.local.servers import Servers
from tests.recorded_spans import span_exporter, spans

from .claiming import office, tasks
from .consumers import consumer
from .outboxes import collection
from .rabbit import Rabbit
from .searching import finder, indexer, searchables, vectors
from .uploading import desk, pool

__all__ = [
    "collection",
    "consumer",
    "desk",
    "finder",
    "indexer",
    "office",
    "pool",
    "searchables",
    "span_exporter",
    "spans",
    "tasks",
    "vectors",
]


@pytest.fixture
def settings(servers: Servers) -> ServiceSettings:
    """Where the servers are; a database and a bucket of this test's own."""
    environment, name = servers.environment(), f"test-{uuid.uuid4().hex[:12]}"
    return ServiceSettings(
        amqp_url=environment["AMQP_URL"],
        mongodb_url=environment["MONGODB_URL"].replace("/dawnchorus?", f"/{name}?"),
        s3_endpoint_url=environment["S3_ENDPOINT_URL"],
        s3_access_key_id=environment["S3_ACCESS_KEY_ID"],
        s3_secret_access_key=environment["S3_SECRET_ACCESS_KEY"],
        s3_bucket=name,
    )


@pytest_asyncio.fixture
async def database(settings: ServiceSettings) -> AsyncIterator[Database]:
    """An empty database."""
    async with open_database(settings) as opened:
        assert opened.name.startswith("test-")
        yield opened
        await opened.client.drop_database(opened.name)


@pytest_asyncio.fixture
async def objects(settings: ServiceSettings) -> AsyncIterator[ObjectStore]:
    """An empty bucket."""
    async with open_object_store(settings) as opened:
        await opened.ensure_bucket()
        yield opened


@pytest_asyncio.fixture
async def amqp_url(servers: Servers) -> AsyncIterator[str]:
    """A virtual host without a queue."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    where = f"{servers.rabbitmq.management_url}/api/vhosts/{name}"
    async with httpx.AsyncClient() as management:
        (await management.put(where)).raise_for_status()
        yield f"{servers.rabbitmq.url}{name}"
        (await management.delete(where)).raise_for_status()


@pytest_asyncio.fixture
async def broker(settings: ServiceSettings, amqp_url: str) -> AsyncIterator[RabbitBroker]:
    """A connected broker with the whole topology, and no consumers."""
    made = create_broker(ServiceSettings(**{**settings.model_dump(), "amqp_url": amqp_url}))
    await made.connect()
    await declare_topology(made)
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def rabbit(broker: RabbitBroker, amqp_url: str) -> AsyncIterator[Rabbit]:
    """Another system's connection to the same virtual host; `broker` has declared the topology."""
    async with await aio_pika.connect(amqp_url) as connection:
        yield Rabbit(amqp_url, await connection.channel())
