"""The gateway's documents about events: what happened, who is to be told, and what came of telling them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from .vocabulary import ContractModel

EVENTS = "events"
HISTORY_PROGRESS = "history_progress"
TICKETS = "tickets"
WEBHOOKS = "webhooks"
DELIVERIES = "deliveries"


class EventDocument(ContractModel):
    """An event that happened, in its place among all; `_id` is the event's, so that a repeated one is here once."""

    id: str = Field(alias="_id")
    position: int = Field(description="Grows in the order in which the broker heard of events.")
    project_id: str
    recording_id: str
    batch_id: str | None = None
    type: str
    text: str = Field(description="The event as JSON text, as it is shown live.")
    expires_at: datetime


class HistoryProgressDocument(ContractModel):
    """Up to where the history stream is in `events`."""

    id: str = Field(alias="_id")
    base: int = Field(0, description="Position less offset in the stream; grows when the broker begins a new stream.")
    position: int
    event_id: str = Field(description="Of the message there, by which the stream is recognized.")


class TicketDocument(ContractModel):
    """What a page may listen with, once and soon; `_id` is the SHA-256 of the ticket."""

    id: str = Field(alias="_id")
    caller: dict[str, Any]
    expires_at: datetime


class WebhookDocument(ContractModel):
    """An address that is to be told of a project's events."""

    id: str = Field(alias="_id")
    project_id: str
    url: str
    types: tuple[str, ...] = Field(description="Versioned types; empty: every one.")
    description: str = ""
    secret: str = Field(description="Signs every delivery, so it cannot be kept as a hash.")
    former_secret: str | None = Field(None, description="Signs beside it until `former_until`.")
    former_until: datetime | None = None
    enabled: bool = True
    disabled_because: str | None = None
    failing_since: datetime | None = Field(None, description="The first failure since the last success.")
    created_at: datetime


class DeliveryState(StrEnum):
    """Where the telling of one event to one address stands: `waiting → delivered | failed | cancelled`."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Attempt(ContractModel):
    """One request to a webhook's address."""

    at: datetime
    latency_s: float
    status: int | None = Field(None, description="Null where no answer came.")
    error: str | None = None


class DeliveryDocument(ContractModel):
    """One event for one webhook; `_id` is `{webhook}/{event}`, so that there is one of each."""

    id: str = Field(alias="_id")
    webhook_id: str
    project_id: str
    event_id: str
    type: str
    text: str = Field(description="The body of the request.")
    state: DeliveryState = DeliveryState.WAITING
    attempts: tuple[Attempt, ...] = ()
    claims: int = Field(0, description="How often a gateway began; only the newest one's outcome counts.")
    due_at: datetime = Field(description="While a gateway tells it: when another may take over.")
    created_at: datetime
    expires_at: datetime
