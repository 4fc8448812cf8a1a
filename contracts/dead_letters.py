"""Messages that no service could work on, as documents: what each was, why it is here, and what became of it."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from .documents import OutboxEntry
from .vocabulary import ContractModel, Lane

DEAD_LETTERS = "dead_letters"
BODY_BYTES_MAX = 256_000


class DeadLetterState(StrEnum):
    """Whether somebody has seen to it."""

    PARKED = "parked"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class DeadLetterDocument(ContractModel):
    """A message that died, however often; `_id` says service, event and body. Written by the gateway."""

    id: str = Field(alias="_id")
    service: str = Field(description="Whose message it was.")
    lane: Lane | None = Field(description="Null where nothing says it.")
    reason: str = Field(description="The broker's: `rejected` by the service, or `delivery_limit` reached.")
    error: str | None = Field(description="Why it is no event of ours; null where it is one.")
    attempts: int = Field(description="How often the service failed at it; deliveries that a crash cut short aside.")
    deaths: int = 1
    event_id: str | None
    event_type: str | None
    recording_id: str | None = Field(description="Null where the message is no event of ours.")
    project_id: str | None = Field(description="Null where the message is no event of ours: operators alone see it.")
    trace_id: str | None
    headers: dict[str, str] = Field(description="Those of the event and of its trace.")
    body: bytes = Field(description=f"The first {BODY_BYTES_MAX} bytes.")
    body_size_bytes: int
    replayable: bool = Field(description="Whether it is whole here, and text.")
    first_at: datetime
    last_at: datetime
    death: str = Field(description="Which death was the last: the same one told again is no other.")
    state: DeadLetterState = DeadLetterState.PARKED
    replays: int = 0
    replayed_at: datetime | None = None
    discarded_at: datetime | None = None
    forgotten_at: datetime | None = Field(None, description="When MongoDB removes it; never while it is parked.")
    outbox: tuple[OutboxEntry, ...] = ()
