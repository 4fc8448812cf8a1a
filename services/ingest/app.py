"""The composition root of ingest."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.datastructures import State

from audio.format import AudioLimits
from chassis.background import background
from chassis.broker import Publisher, create_broker, start_patiently
from chassis.documents import Database, open_database
from chassis.guards import Guards
from chassis.health import Health
from chassis.internal import own_services_only
from chassis.jobs import Limits, Outlet, open_job_pool
from chassis.objects import ObjectStore, open_object_store
from chassis.outbox import OutboxRelay
from chassis.outward import OutwardClient, OutwardRules
from chassis.problems import exception_handlers
from chassis.provided import of_state
from chassis.reconciling import Reconciler
from chassis.sampling import outbox_look, sample
from chassis.serve import Service
from chassis.storage import Storage
from chassis.sweeping import Sweeper
from chassis.watching import WatchRules
from chassis.web import measured, traced
from contracts.documents import RECORDINGS

from .changes import ChangeDesk
from .imports import ImportDesk, import_recording
from .interventions import InterventionDesk
from .part_routes import abort_upload, begin_upload, complete_upload, part_urls, stored_parts
from .parts import PartDesk
from .preparing import prepare_indexes
from .probing import warm_up
from .reconciling import UploadedRecordings
from .recordings import Recordings
from .retention import Retention
from .room import Room, look_for_room
from .routes import (
    STATUSES,
    cancel_work,
    change_recording,
    delete_recordings,
    restore_recordings,
    retry_work,
    take_recording,
)
from .settings import IngestSettings
from .sweeping import AudioNaming, sweep
from .upload_keys import UploadKeys
from .uploads import UploadDesk


def create_app(settings: IngestSettings) -> Service:
    """Return ingest: its routes, its relay, and the servers both need."""
    health = Health()
    app = _create_api(settings)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            guards = Guards.of(settings)
            database = await stack.enter_async_context(open_database(settings, guards.mongodb))
            store = open_object_store(settings, settings.s3_public_endpoint_url, guards.s3)
            objects = await stack.enter_async_context(store)
            broker = create_broker(settings)
            stack.push_async_callback(broker.stop)
            recordings = Recordings(database)
            publisher = Publisher(broker, settings.publish_timeout_s, guards.rabbitmq)
            relay = OutboxRelay(recordings.collection, publisher, settings.outbox_poll_s)
            app.state.guards = guards
            await asyncio.gather(prepare_indexes(database, settings), objects.ensure_bucket())
            app.state.changes = ChangeDesk(recordings.collection, relay, settings.retention_s)
            app.state.interventions = InterventionDesk(recordings.collection, relay)
            storage = Storage(database, "ingest")
            app.state.room = Room(storage, settings)
            app.state.desk = await _open_desk(stack, settings, database, objects, relay, app.state.room.took)
            app.state.parts = _open_parts(settings, database, objects, app.state.desk)
            app.state.imports = ImportDesk(objects, app.state.desk, settings, _open_outward(stack, settings))
            keeping = _keeping(app.state, settings, database, objects, relay, storage)
            # The broker may be down: uploads are taken all the same, and the outbox grows until it is back.
            sampling = sample(settings.sample_s, outbox_look(recordings.collection))
            works = (start_patiently(broker), relay.run(), *keeping, sampling)
            watches = guards.watches(database, objects, publisher, settings.ping_timeout_s)
            await stack.enter_async_context(background(*works, *watches))
            yield

    return Service("ingest", health, lifespan, traced(measured(app)))


def _create_api(settings: IngestSettings) -> Litestar:
    return Litestar(
        [
            *(take_recording, change_recording, delete_recordings, restore_recordings),
            *(cancel_work, retry_work, import_recording, look_for_room),
            *(begin_upload, stored_parts, part_urls, complete_upload, abort_upload),
        ],
        guards=[own_services_only(settings.internal_token.get_secret_value())],
        dependencies=of_state("desk", "guards", "changes", "imports", "interventions", "parts", "room"),
        exception_handlers=exception_handlers(STATUSES),
        logging_config=None,
        openapi_config=None,
    )


def _keeping(
    state: State,
    settings: IngestSettings,
    database: Database,
    objects: ObjectStore,
    relay: OutboxRelay,
    storage: Storage,
) -> tuple[Coroutine[Any, Any, None], ...]:
    recordings, rules = database[RECORDINGS], WatchRules.of(settings)
    reconciler = Reconciler(recordings, relay, rules, UploadedRecordings(database), settings.reconcile_every_s)
    retention = Retention(recordings, state.changes, settings.recordings_kept_days)
    sweeper = Sweeper(objects, storage, AudioNaming(database), settings)
    sweeping = sweep(state.parts, retention, recordings, objects, storage)
    return reconciler.run(), state.room.run(), sweeper.run(), sweeping


async def _open_desk(
    stack: AsyncExitStack,
    settings: IngestSettings,
    database: Database,
    objects: ObjectStore,
    relay: OutboxRelay,
    took: Callable[[int], None],
) -> UploadDesk:
    limits = Limits(settings.probe_memory_bytes, is_confined=settings.job_confinement)
    outlet = Outlet.to(await objects.presigned_url("-", 1), settings.s3_timeout_s)
    probing = open_job_pool(settings.probe_slots, limits, warm_up, name="probe", outlet=outlet)
    pool = await stack.enter_async_context(probing)
    keys = UploadKeys(database, settings.idempotency_s)
    await pool.ready()
    return UploadDesk(
        objects,
        Recordings(database),
        relay,
        pool,
        AudioLimits(settings.max_duration_s, settings.max_samples, probe_cpu_s=settings.probe_cpu_s),
        keys,
        max_upload_bytes=settings.max_upload_bytes,
        probe_timeout_s=settings.probe_timeout_s,
        took=took,
    )


def _open_outward(stack: AsyncExitStack, settings: IngestSettings) -> OutwardClient:
    hosts = frozenset(settings.fetch_hosts)
    rules = OutwardRules(settings.outward_networks, http=settings.outward_http, hosts=hosts)
    outward = OutwardClient(rules, settings.fetch_timeout_s)
    stack.push_async_callback(outward.close)
    return outward


def _open_parts(settings: IngestSettings, database: Database, objects: ObjectStore, desk: UploadDesk) -> PartDesk:
    return PartDesk(
        database, objects, desk, max_bytes=settings.max_parted_upload_bytes, kept_s=settings.parted_upload_s
    )
