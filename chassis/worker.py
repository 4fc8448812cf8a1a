"""The composition that every worker service shares: servers, job pool, consumers, relay."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Self

from faststream.rabbit import RabbitBroker
from pydantic import Field, model_validator

from contracts.keeping import SWEEP_LOCKS
from contracts.vocabulary import Lane

from .background import background
from .broker import Publisher, create_broker, is_connected
from .consuming import Leaving, RetryLadder, Telemetry
from .departure import Departure
from .disk import DiskSettings
from .documents import Collection, Database, open_database
from .gate import Gate
from .guards import Guards
from .health import Health
from .jobs import JobPool, Limits, Outlet, open_job_pool
from .objects import ObjectStore, open_object_store
from .outbox import OutboxRelay, prepare_outbox
from .sampling import outbox_look, sample
from .scratch import keep_scratch, scratch_root
from .serve import Service
from .storage import Storage
from .sweeping import Sweeper, SweepRules, SweepSettings
from .taking import is_consuming, take_messages, watch_consumers
from .task_naming import TaskNaming, prepare_locks
from .tasks import TaskStore
from .workbench import Equipment


class WorkerSettings(SweepSettings, DiskSettings):
    """How much a worker does at once, and what bounds a job."""

    interactive_slots: int = Field(1, ge=0)
    bulk_slots: int = Field(1, ge=0)
    bulk_niceness: int = Field(10, ge=0, le=19)
    lease_s: float = 15
    gate_hold_s: float = 300
    consumer_gone_s: float = 60
    job_memory_bytes: int = 3_000_000_000
    job_file_bytes: int = 4_000_000_000
    job_confinement: bool = True
    job_timeout_s: float = 300
    job_timeout_per_audio_s: float = 0.1
    max_duration_s: float = 90_000
    max_samples: int = 20_000_000_000

    @property
    def slots(self) -> dict[Lane, int]:
        """Return how many messages of each lane are worked on at once."""
        return {Lane.INTERACTIVE: self.interactive_slots, Lane.BULK: self.bulk_slots}

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Return the lanes that this process works on; it leaves a lane without slots to others."""
        return tuple(lane for lane, slots in self.slots.items() if slots)

    def lane_here(self, lane: Lane) -> Lane:
        """Return the lane whose slots a message of `lane` takes here."""
        return lane if lane in self.lanes else self.lanes[0]

    @model_validator(mode="after")
    def _with_slots(self) -> Self:
        if not self.lanes:
            raise ValueError("DAWNCHORUS_INTERACTIVE_SLOTS and DAWNCHORUS_BULK_SLOTS are both 0")
        return self

    def job_timeout_of(self, duration_s: float | None) -> float:
        """Return the bound on a job over that many seconds of audio; over the longest where the length is unknown."""
        known_s = self.max_duration_s if duration_s is None else duration_s
        return self.job_timeout_s + self.job_timeout_per_audio_s * known_s


async def prepare_worker(database: Database, collection: str) -> None:
    """Make every index that a worker needs."""
    await prepare_tasks(database[collection])
    await prepare_locks(database[SWEEP_LOCKS])


async def prepare_tasks(collection: Collection) -> None:
    """Make the indexes of a worker's collection."""
    await prepare_outbox(collection)
    await collection.create_index("recording_id", name="by_recording")
    await collection.create_index([("project_id", 1), ("state", 1)], name="by_state")
    # What is asked of them to tell when work will be done.
    await collection.create_index([("lane", 1), ("announced_at", -1)], name="by_lane")
    await collection.create_index([("lane", 1), ("state", 1)], name="by_lane_and_state")
    await collection.create_index([("completed_at", -1)], name="newest_result")


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
            guards = Guards.of(settings)
            objects = await stack.enter_async_context(open_object_store(settings, guard=guards.s3))
            outlet = Outlet.to(await objects.presigned_url("-", 1), settings.s3_timeout_s)
            pools = await self._open_pools(stack, outlet)
            ladder = RetryLadder(self._name)
            departure = self._departure()
            broker = create_broker(settings, [Telemetry, Leaving(self._name, departure), ladder])
            ladder.gate = self._gate(guards)
            ladder.publisher = Publisher(broker, settings.publish_timeout_s, guards.rabbitmq)
            database = await stack.enter_async_context(open_database(settings, guards.mongodb))
            equipment = await self._equip(stack, database, objects, pools, ladder.publisher, ladder.gate)
            ready = (pool.ready() for pool in set(pools.values()))
            await asyncio.gather(equipment.objects.ensure_bucket(), *ready)
            self._subscribe(broker, equipment)
            self._health.checks["broker"] = lambda: is_connected(broker)
            self._health.checks["consuming"] = lambda: is_consuming(broker)
            watch = watch_consumers(broker, lambda: departure.is_leaving, patience_s=settings.consumer_gone_s)
            sampling = sample(settings.sample_s, outbox_look(equipment.relay.collection))
            works = (take_messages(broker, departure), equipment.relay.run(), sampling, watch)
            pings = guards.watches(database, objects, ladder.publisher, settings.ping_timeout_s)
            await stack.enter_async_context(background(*works, *pings))
            # First out: consumers finish what they have, or give it back, while the relay still publishes.
            stack.push_async_callback(broker.stop)
            stack.push_async_callback(departure.over)
            stack.callback(departure.leave)
            yield

    def _sweeper(self, database: Database, objects: ObjectStore, storage: Storage) -> Sweeper:
        rules = SweepRules.of(self._settings)
        naming = TaskNaming(database, self._collection, objects, self._prefixes, rules)
        return Sweeper(objects, storage, naming, self._settings)

    async def _open_pools(self, stack: AsyncExitStack, outlet: Outlet) -> dict[Lane, JobPool]:
        settings = self._settings
        opened = {lane: await stack.enter_async_context(self._open_pool(lane, outlet)) for lane in settings.lanes}
        return {lane: opened[settings.lane_here(lane)] for lane in Lane}

    def _gate(self, guards: Guards) -> Gate:
        gate = Gate(guards.each, self._settings.gate_hold_s)
        self._health.on_leaving.append(gate.shut)
        return gate

    def _departure(self) -> Departure:
        departure = Departure(self._settings.drain_timeout_s)
        self._health.on_leaving.append(departure.leave)
        self._health.on_hurry.append(departure.hurry)
        return departure

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
        self,
        stack: AsyncExitStack,
        database: Database,
        objects: ObjectStore,
        pools: Mapping[Lane, JobPool],
        publisher: Publisher,
        gate: Gate,
    ) -> Equipment:
        settings = self._settings
        collection = database[self._collection]
        await prepare_worker(database, self._collection)
        if self._publish is not None:
            await self._publish(database, pools[Lane.INTERACTIVE])
        storage = Storage(database, self._name)
        sweeper = self._sweeper(database, objects, storage)
        await stack.enter_async_context(background(sweeper.run(), storage.follow(objects), keep_scratch()))
        return Equipment(
            tasks=TaskStore(collection, settings.lease_s),
            objects=objects,
            pools=pools,
            publisher=publisher,
            relay=OutboxRelay(collection, publisher, settings.outbox_poll_s),
            gate=gate,
            source=self._name,
            scratch=stack.enter_context(scratch_root()),
            disk_watermark=settings.disk_watermark,
        )
