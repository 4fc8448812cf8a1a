"""What the gateway has of work that is stopped, repeated, forecast, and done in batches."""

from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from litestar.datastructures import State

from chassis.documents import Database
from chassis.outbox import OutboxRelay
from chassis.reconciling import Reconciler
from chassis.watching import WatchRules
from contracts.documents import TASKS

from .batch_routes import BatchController
from .batch_runner import BatchRunner
from .batches import Batches
from .batching import BatchDesk, Sources
from .earlier import Tasks, get_task_status, process, process_batch
from .forecast import Forecasts
from .forgetting import forget_batches
from .interventions import InterventionController, Interventions
from .item_states import ItemStates
from .reconciling import WatchedWishes
from .renderings import RenderRequests
from .settings import GatewaySettings

WORK_ROUTES = (InterventionController, BatchController, process, process_batch, get_task_status)
WORK_STATE = (
    *("render_requests", "interventions", "forecasts"),
    *("batches", "batch_desk", "batch_runner", "earlier_tasks"),
)


def open_keeping(
    state: State, database: Database, settings: GatewaySettings, relay: OutboxRelay
) -> tuple[Coroutine[Any, Any, None], ...]:
    """Return who announces wishes anew that do not end, and who forgets what ended long ago."""
    kept, rules = timedelta(days=settings.tasks_kept_days), WatchRules.of(settings)
    watched = WatchedWishes(database, state.wishes)
    reconciler = Reconciler(database[TASKS], relay, rules, watched, settings.reconcile_every_s, kept=kept)
    return reconciler.run(), forget_batches(state.batches, kept)


def open_work(state: State, database: Database, settings: GatewaySettings, renderings: RenderRequests) -> BatchRunner:
    """Put into the state what `WORK_STATE` names; return who works batches off."""
    batches, states = Batches(database), ItemStates(database)
    state.render_requests, state.batches = renderings, batches
    state.interventions = Interventions(state.ingest, state.wishes)
    state.forecasts = Forecasts(database)
    runner = BatchRunner(
        batches,
        states,
        state.reads,
        state.projects,
        state.ingest,
        state.interventions,
        state.analysis_requests,
        renderings,
        slots=settings.batch_slots,
        poll_s=settings.batch_poll_s,
    )
    state.batch_runner = runner
    sources = Sources(settings.s3_bucket, settings.inbox_prefix, settings.fetch_hosts)
    state.batch_desk = BatchDesk(batches, runner, state.reads, state.forecasts, sources, state.ingest)
    state.earlier_tasks = Tasks(batches, states, state.reads, state.objects, state.progress)
    return runner
