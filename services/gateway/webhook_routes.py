"""The routes of webhooks: who is told of a project's events, and what came of telling them."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Controller, Request, delete, get, patch, post
from litestar.params import QueryParameter
from pydantic import BaseModel, ConfigDict, Field

from chassis.outward import OutwardClient
from contracts.event_documents import Attempt, DeliveryDocument, DeliveryState, WebhookDocument

from .access import MANAGE
from .deliveries import Deliveries, LogCursor
from .filters import TYPES_MAX, checked_types
from .keys import Caller
from .projects import opened_project
from .sending import WebhookSender
from .webhooks import Webhooks


class WebhookWish(BaseModel):
    """Whom to tell, and of what."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2000, examples=["https://archive.example.org/dawnchorus"])
    types: list[str] = Field(
        default=[], max_length=TYPES_MAX, description="Events with their version; none given: every one."
    )
    project: str | None = Field(default=None, max_length=100)
    description: str = Field(default="", max_length=500)


class WebhookChange(BaseModel):
    """What is to be different; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(default=None, min_length=1, max_length=2000)
    types: list[str] | None = Field(default=None, max_length=TYPES_MAX)
    description: str | None = Field(default=None, max_length=500)
    enabled: bool | None = None


class WebhookView(BaseModel):
    """A webhook, without its secret."""

    id: str
    project: str
    url: str
    types: list[str]
    description: str
    enabled: bool
    disabled_because: str | None
    failing_since: datetime | None
    created_at: datetime


class WebhookMade(WebhookView):
    """A new webhook with its secret, which is shown this once."""

    secret: str = Field(description="Standard Webhooks: `whsec_` and base64.", examples=["whsec_…"])


class NewSecret(BaseModel):
    """The new secret, shown this once; the former one signs beside it for a day."""

    secret: str


class DeliveryView(BaseModel):
    """One event for one webhook: where it stands, and every attempt to tell it."""

    event_id: str
    type: str
    state: DeliveryState
    attempts: tuple[Attempt, ...]
    due_at: datetime | None = Field(description="When it is tried next; null when it is not.")
    created_at: datetime


class DeliveryPage(BaseModel):
    """A part of the log, the newest first."""

    items: list[DeliveryView]
    next_cursor: str | None


class WebhookController(Controller):
    """What owners say of their projects' webhooks."""

    path = "/webhooks"
    tags = ("webhooks",)

    @post(operation_id="createWebhook", needs=MANAGE, problems=(404, 409, 422))
    async def create(
        self, request: Request[Caller, Any, Any], webhooks: Webhooks, outward: OutwardClient, data: WebhookWish
    ) -> WebhookMade:
        """Have an address told of a project's events from now on, by signed POST requests; 422 where it is private."""
        project_id = opened_project(request.user, data.project)
        types = sorted(checked_types(data.types))
        await outward.check(data.url)
        webhook = await webhooks.create(project_id, data.url, types, data.description)
        return WebhookMade(**_view(webhook).model_dump(), secret=webhook.secret)

    @get(operation_id="listWebhooks", needs=MANAGE)
    async def webhooks(self, request: Request[Caller, Any, Any], webhooks: Webhooks) -> list[WebhookView]:
        """Return the webhooks of the projects that the caller owns."""
        return [_view(each) for each in await webhooks.of(request.user)]

    @get("/{webhook_id:str}", operation_id="getWebhook", needs=MANAGE)
    async def webhook(self, request: Request[Caller, Any, Any], webhooks: Webhooks, webhook_id: str) -> WebhookView:
        """Return one webhook; `disabled_because` says why it is told nothing any more."""
        return _view(await webhooks.one(request.user, webhook_id))

    @patch("/{webhook_id:str}", operation_id="changeWebhook", needs=MANAGE, problems=(422,))
    async def change(
        self,
        request: Request[Caller, Any, Any],
        webhooks: Webhooks,
        outward: OutwardClient,
        webhook_id: str,
        data: WebhookChange,
    ) -> WebhookView:
        """Change address, types or description, or switch it off and on."""
        webhook = await webhooks.one(request.user, webhook_id)
        if data.url is not None:
            await outward.check(data.url)
        fields = data.model_dump(exclude_none=True)
        if data.types is not None:
            fields["types"] = sorted(checked_types(data.types))
        if fields:
            await webhooks.change(webhook.id, fields)
        return _view(await webhooks.one(request.user, webhook_id))

    @delete("/{webhook_id:str}", operation_id="deleteWebhook", needs=MANAGE)
    async def delete(self, request: Request[Caller, Any, Any], webhooks: Webhooks, webhook_id: str) -> None:
        """Tell this address nothing any more."""
        await webhooks.delete((await webhooks.one(request.user, webhook_id)).id)

    @post("/{webhook_id:str}/rotate", operation_id="rotateWebhookSecret", needs=MANAGE, status_code=200)
    async def rotate(self, request: Request[Caller, Any, Any], webhooks: Webhooks, webhook_id: str) -> NewSecret:
        """Make a new secret; deliveries carry the signatures of both for a day."""
        return NewSecret(secret=await webhooks.rotate(await webhooks.one(request.user, webhook_id)))

    @post("/{webhook_id:str}/ping", operation_id="pingWebhook", needs=MANAGE, status_code=202)
    async def ping(
        self,
        request: Request[Caller, Any, Any],
        webhooks: Webhooks,
        deliveries: Deliveries,
        sender: WebhookSender,
        webhook_id: str,
    ) -> DeliveryView:
        """Send a `webhook.ping` now, once, also where the webhook is switched off; its log says what came of it."""
        delivery = await deliveries.ping(await webhooks.one(request.user, webhook_id))
        sender.wake()
        return _delivery_view(delivery)

    @get("/{webhook_id:str}/deliveries", operation_id="listDeliveries", needs=MANAGE)
    async def deliveries(
        self,
        request: Request[Caller, Any, Any],
        webhooks: Webhooks,
        deliveries: Deliveries,
        webhook_id: str,
        delivery_state: Annotated[DeliveryState | None, QueryParameter(name="state")] = None,
        cursor: str | None = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> DeliveryPage:
        """Return what was to be told, every attempt at it with status and latency, and what waits."""
        webhook = await webhooks.one(request.user, webhook_id)
        before = LogCursor.read(cursor) if cursor is not None else None
        found = await deliveries.log(webhook.id, delivery_state, before, limit + 1)
        shown = found[:limit]
        more = len(found) > limit
        return DeliveryPage(
            items=[_delivery_view(each) for each in shown],
            next_cursor=str(LogCursor(shown[-1].created_at, shown[-1].id)) if more else None,
        )

    @post(
        "/{webhook_id:str}/deliveries/{event_id:str}/repeat",
        operation_id="repeatDelivery",
        needs=MANAGE,
        status_code=202,
    )
    async def repeat(
        self,
        request: Request[Caller, Any, Any],
        webhooks: Webhooks,
        deliveries: Deliveries,
        sender: WebhookSender,
        webhook_id: str,
        event_id: str,
    ) -> DeliveryView:
        """Tell an event again, with the same id."""
        webhook = await webhooks.one(request.user, webhook_id)
        delivery = await deliveries.repeat(webhook.id, event_id)
        sender.wake()
        return _delivery_view(delivery)


def _view(webhook: WebhookDocument) -> WebhookView:
    facts = webhook.model_dump(include=set(WebhookView.model_fields))
    return WebhookView(**facts, project=webhook.project_id)


def _delivery_view(delivery: DeliveryDocument) -> DeliveryView:
    facts = delivery.model_dump(include=set(DeliveryView.model_fields) - {"due_at"})
    return DeliveryView(**facts, due_at=delivery.due_at if delivery.state is DeliveryState.WAITING else None)
