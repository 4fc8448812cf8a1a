"""The composition that every worker service shares: servers, job pool, consumers, relay."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from faststream.rabbit import RabbitBroker
from pydantic import Field

from contracts.vocabulary import Lane

from .background import background
from .broker import Publisher, create_broker, is_connected, start_patiently
from .consuming import RetryLadder, Telemetry
from .documents import Database, open_database
from .health import Health
from .jobs import JobPool, Limits, Outlet, open_job_pool
from .objects import ObjectStore, open_object_store
from .outbox import OutboxRelay
from .sampling import outbox_look, sample
from .serve import Service
from .storage import Storage
from .sweeping import Sweeper, SweepRules, SweepSettings
from .task_naming import TaskNaming
from .tasks import TaskStore
from .work import Equipment


class WorkerSettings(SweepSettings):
    """How much a worker does at once, and what bounds a job."""

    interactive_slots: int = 1
    bulk_slots: int = 1
    bulk_niceness: int = Field(10, ge=0, le=19)
    lease_s: float = 15
    job_memory_bytes: int = 3_000_000_000
    job_file_bytes: int = 4_000_000_000
    job_confinement: bool = True
    job_timeout_s: float = 300
    job_timeout_per_audio_s: float = 0.1
    max_duration_s: float = 90_000

    @property
    def slots(self) -> dict[Lane, int]:
        """Return how many messages of each lane are worked on at once."""
        return {Lane.INTERACTIVE: self.interactive_slots, Lane.BULK: self.bulk_slots}

    def job_timeout_of(self, duration_s: float | None) -> float:
        """Return the bound on a job over that many seconds of audio; over the longest where the length is unknown."""
        known_s = self.max_duration_s if duration_s is None else duration_s
        return self.job_timeout_s + self.job_timeout_per_audio_s * known_s


class WorkerApp:
    """One worker service: `name`, its collection, the handlers that take its messages, and what else it may have.

    `prefixes` are those of its objects, which nobody else writes.

    `routes` serves HTTP; `publish` writes into the database before the service is ready, and may ask the interactive
    lane's children what to write.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        name: str,
        collection: str,
        subscribe: Callable[[RabbitBroker, Equipment], None],
        warm_up: Callable[[], object],
        spare_slots: int = 0,
        routes: Any = None,  # noqa: ANN401 (an ASGI application)
        publish: Callable[[Database, JobPool], Awaitable[None]] | None = None,
        prefixes: tuple[str, ...] = (),
    ) -> None:
        self._settings = settings
        self._name = name
        self._collection = collection
        self._subscribe = subscribe
        self._warm_up = warm_up
        self._spare_slots = spare_slots
        self._routes = routes
        self._publish = publish
        self._prefixes = prefixes
        self._health = Health()

    def service(self) -> Service:
        """Return what `chassis.serve` runs."""
        return Service(self._name, self._health, self._lifespan, self._routes)

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            settings = self._settings
            objects = await stack.enter_async_context(open_object_store(settings))
            outlet = Outlet(await objects.address(), settings.s3_timeout_s)
            pools = {lane: await stack.enter_async_context(self._open_pool(lane, outlet)) for lane in Lane}
            ladder = RetryLadder(self._name)
            broker = create_broker(settings, [Telemetry, ladder])
            ladder.publisher = Publisher(broker, settings.publish_timeout_s)
            equipment = await self._equip(stack, pools, objects, ladder.publisher)
            ready = (pool.ready() for pool in pools.values())
            await asyncio.gather(equipment.relay.prepare(), equipment.objects.ensure_bucket(), *ready)
            self._subscribe(broker, equipment)
            self._health.checks["broker"] = lambda: is_connected(broker)
            sampling = sample(settings.sample_s, outbox_look(equipment.relay.collection))
            await stack.enter_async_context(background(start_patiently(broker), equipment.relay.run(), sampling))
            # First out: consumers finish what they have, or give it back, while the relay still publishes.
            stack.push_async_callback(broker.stop)
            yield

    async def _sweeper(self, database: Database, objects: ObjectStore) -> Sweeper:
        rules = SweepRules.of(self._settings)
        naming = TaskNaming(database, self._collection, objects, self._prefixes, rules)
        await naming.prepare()
        return Sweeper(objects, Storage(database, self._name), naming, self._settings)

    def _open_pool(self, lane: Lane, outlet: Outlet) -> AbstractAsyncContextManager[JobPool]:
        """Open a lane's own children: a child can make itself nicer, but never take that back."""
        settings, is_bulk = self._settings, lane is Lane.BULK
        limits = Limits(
            settings.job_memory_bytes,
            file_bytes=settings.job_file_bytes,
            niceness=settings.bulk_niceness if is_bulk else 0,
            is_confined=settings.job_confinement,
        )
        slots = settings.slots[lane] + (0 if is_bulk else self._spare_slots)
        return open_job_pool(slots, limits, self._warm_up, name=lane, outlet=outlet)

    async def _equip(
        self, stack: AsyncExitStack, pools: Mapping[Lane, JobPool], objects: ObjectStore, publisher: Publisher
    ) -> Equipment:
        settings = self._settings
        database = await stack.enter_async_context(open_database(settings))
        collection = database[self._collection]
        await collection.create_index("recording_id", name="by_recording")
        await collection.create_index([("project_id", 1), ("state", 1)], name="by_state")
        # What is asked of them to tell when work will be done.
        await collection.create_index([("lane", 1), ("announced_at", -1)], name="by_lane")
        await collection.create_index([("lane", 1), ("state", 1)], name="by_lane_and_state")
        await collection.create_index([("completed_at", -1)], name="newest_result")
        if self._publish is not None:
            await self._publish(database, pools[Lane.INTERACTIVE])
        await stack.enter_async_context(background((await self._sweeper(database, objects)).run()))
        return Equipment(
            tasks=TaskStore(collection, settings.lease_s),
            objects=objects,
            pools=pools,
            publisher=publisher,
            relay=OutboxRelay(collection, publisher, settings.outbox_poll_s),
            source=self._name,
        )
