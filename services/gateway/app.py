"""The composition root of the gateway."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

import httpx
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, RedocRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from chassis.background import background
from chassis.bodies import Patience
from chassis.broker import Publisher, create_broker
from chassis.documents import Database, open_database
from chassis.guards import Guards
from chassis.health import Health
from chassis.objects import open_object_store
from chassis.outbox import OutboxRelay
from chassis.problems import exception_handlers
from chassis.provided import of_state
from chassis.sampling import outbox_look, sample
from chassis.serve import Service
from chassis.web import measured, traced
from contracts.documents import API_KEYS, RATES, TASKS

from .access import authenticated, check_declarations
from .analyses import AnalysisRequests, request_analysis
from .announcing import FROM_STATE as ANNOUNCING
from .announcing import follow, open_history, open_webhooks
from .audio import get_audio
from .backfill import Backfills, plan_backfill, start_backfill
from .bodies import BoundedRequest
from .callers import Callers
from .capabilities import get_capabilities
from .changes import ChangeController
from .dead_letter_routes import DeadLetterController
from .described import describe
from .events import get_history, listen
from .extractors import list_extractors
from .filters import asked_filter
from .finding import Finder
from .forwarding import IngestDoor
from .founding import ProjectController
from .gallery import Gallery
from .handlers import show_progress
from .health_routes import HealthController
from .indexer import SearchIndexer
from .issuer_keys import IssuerKeys
from .issuing import KeyController
from .keys import KeyRing
from .limits import RateLimits, Slots
from .listing import Listing
from .live import LiveHub
from .members import Members
from .metering import metered
from .operating import FROM_STATE as OPERATING
from .operating import open_boards, open_dead_letters, open_gate
from .preparing import prepare_indexes
from .progress import ProgressBoard
from .projects import ProjectRenderingController, Projects
from .queues import get_queues
from .reads import Reads
from .recordings import RecordingController
from .renderings import RenderRequests, asked_rendering
from .results import ResultController
from .search import get_duplicates, get_similar, search_similar
from .searchables import Searchables
from .series import get_series
from .settings import GatewaySettings
from .sharing import MemberController
from .sockets import listen_by_socket
from .tickets import create_ticket
from .tiles import TileController
from .tokens import TokenRules, Tokens
from .uploads import UploadController
from .vectors import MappedVectors
from .webhook_routes import WebhookController
from .wishes import Wishes
from .working import WORK_ROUTES, WORK_STATE, open_keeping, open_work

_ROUTES = (
    *(RecordingController, ResultController, TileController, ChangeController, UploadController),
    *(ProjectController, ProjectRenderingController, MemberController, KeyController, get_capabilities),
    *(get_series, request_analysis, list_extractors, plan_backfill, start_backfill),
    *(listen, listen_by_socket, create_ticket, get_history, WebhookController),
    *(get_similar, search_similar, get_duplicates, get_audio),
    *WORK_ROUTES,
    *(DeadLetterController, HealthController, get_queues),
)
PREFIX = "/v1"
_FROM_STATE = (
    *("reads", "listing", "objects", "ingest", "gallery", "progress", "projects"),
    *("analysis_requests", "backfills", "finder", "wishes", "key_ring", "members"),
    *WORK_STATE,
    *ANNOUNCING,
    *OPERATING,
)


def create_app(settings: GatewaySettings) -> Service:
    """Return the gateway: its routes, its live events, and the servers both need."""
    health = Health()
    hub, progress = LiveHub(settings.listener_backlog), ProgressBoard()
    app = create_api(settings, health, progress)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            guards = Guards.of(settings)
            database = await stack.enter_async_context(open_database(settings, guards.mongodb))
            await prepare_indexes(database, settings)
            client = await _open_client(stack, settings.ingest_url, settings.ingest_timeout_s)
            drawing = await _open_client(stack, settings.spectrogram_url, settings.drawing_timeout_s)
            token = settings.internal_token.get_secret_value()
            await _open_access(stack, app.state, database, settings)
            app.state.reads = Reads(database)
            app.state.listing = Listing(database, app.state.reads)
            app.state.projects = Projects(database)
            app.state.objects = await stack.enter_async_context(open_object_store(settings, guard=guards.s3))
            patience = Patience(settings.sender_silent_s, settings.sender_bytes_per_s_min)
            app.state.ingest = IngestDoor(client, token, settings.max_upload_bytes, patience, guards.check_storing)
            indexer = _open_search(stack, app.state, database, settings)
            broker = create_broker(settings)
            show_progress(broker, hub, progress)
            stack.push_async_callback(broker.stop)
            publisher = Publisher(broker, settings.publish_timeout_s, guards.rabbitmq)
            gate = open_gate(guards, health)
            letters = open_dead_letters(app.state, database, broker, publisher, gate, settings)
            await open_boards(stack, app.state, database, broker, client, guards, settings)
            sender = open_webhooks(stack, app.state, database, settings)
            follower = open_history(app.state, database, settings, hub, health, indexer.note)
            relay = OutboxRelay(database[TASKS], publisher, settings.outbox_poll_s)
            requests = RenderRequests(database[TASKS], relay, settings.long_from_s)
            app.state.gallery = Gallery(app.state.reads, requests, app.state.objects, drawing, token)
            _open_wishes(app.state, database, relay, requests)
            runner = open_work(app.state, database, settings, requests)
            # Without the broker the gateway still takes uploads and wishes, and serves what is there.
            keeping = open_keeping(app.state, database, settings, relay)
            works = (follow(broker, follower), relay.run(), indexer.run(), sender.run(), runner.run(), letters.run())
            looks = (outbox_look(database[TASKS]), app.state.dead_letters.look)
            watches = guards.watches(database, app.state.objects, publisher, settings.ping_timeout_s)
            beside = (*keeping, sample(settings.sample_s, *looks), *watches)
            await stack.enter_async_context(background(*works, *beside))
            yield

    return Service("gateway", health, lifespan, traced(measured(metered(app))))


def create_api(settings: GatewaySettings, health: Health, progress: ProgressBoard) -> Litestar:
    """Return the routes; what is in `_FROM_STATE` beside these must be in the state before they are asked."""
    app = Litestar(
        [Router(PREFIX, guards=[authenticated], route_handlers=list(_ROUTES))],
        dependencies={
            **of_state(*_FROM_STATE),
            "rendering": Provide(asked_rendering),
            "wanted": Provide(asked_filter),
            "health": Provide(lambda: health, sync_to_thread=False),
            "settings": Provide(lambda: settings, sync_to_thread=False),
        },
        exception_handlers=exception_handlers({}),
        logging_config=None,
        openapi_config=_openapi(),
        state=State({"settings": settings, "progress": progress, "slots": Slots(settings.at_once)}),
        request_class=BoundedRequest,
        request_max_body_size=settings.max_json_bytes,
    )
    check_declarations(app.routes, PREFIX)
    describe(app.routes, PREFIX)
    return app


async def _open_client(stack: AsyncExitStack, url: str, timeout_s: float) -> httpx.AsyncClient:
    return await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=timeout_s))


async def _open_access(stack: AsyncExitStack, state: State, database: Database, settings: GatewaySettings) -> None:
    state.key_ring = KeyRing(database[API_KEYS])
    state.members = Members(database)
    state.rate_limits = RateLimits(database[RATES], settings.quotas)
    state.callers = Callers(state.key_ring, state.members, await _open_tokens(stack, settings))


async def _open_tokens(stack: AsyncExitStack, settings: GatewaySettings) -> Tokens | None:
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return None
    client = await stack.enter_async_context(httpx.AsyncClient(timeout=settings.oidc_timeout_s))
    keys = IssuerKeys(
        client,
        issuer=settings.oidc_issuer,
        jwks_url=settings.oidc_jwks_url,
        max_age_s=settings.oidc_keys_max_age_s,
    )
    rules = TokenRules(
        settings.oidc_issuer, settings.oidc_audience, settings.oidc_roles_claim, settings.oidc_roles or {}
    )
    return Tokens(rules, keys)


def _open_wishes(state: State, database: Database, relay: OutboxRelay, requests: RenderRequests) -> None:
    state.wishes = Wishes(database[TASKS], relay, requests)
    state.analysis_requests = AnalysisRequests(database[TASKS], relay)
    state.backfills = Backfills(database, state.analysis_requests)


def _open_search(stack: AsyncExitStack, state: State, database: Database, settings: GatewaySettings) -> SearchIndexer:
    state.searchables = Searchables(database)
    vectors = stack.enter_context(closing(MappedVectors(settings.search_folder)))
    indexer = SearchIndexer(database, state.objects, state.searchables, vectors, settings.search_poll_s)
    state.finder = Finder(state.reads, state.objects, state.searchables, vectors, indexer)
    return indexer


def _openapi() -> OpenAPIConfig:
    key = SecurityScheme(type="http", scheme="bearer", description="An API key, dc_<id>_<secret>.")
    return OpenAPIConfig(
        title="Dawnchorus",
        version="1",
        path="/schema",
        components=Components(security_schemes={"apiKey": key}),
        security=[{"apiKey": []}],
        use_handler_docstrings=True,
        render_plugins=[JsonRenderPlugin(), RedocRenderPlugin()],
    )
