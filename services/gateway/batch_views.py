"""What clients send and see of batches."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from contracts.analysing import AnalysisWish
from contracts.batches import BATCH_ITEMS_MAX, BatchDocument, BatchItemDocument
from contracts.rendering import RenderParameters
from contracts.vocabulary import PRIORITY_MAX, Fault, Lane, State

from .urgency import PRIORITY
from .views import links

Text = Annotated[str, Field(max_length=1100)]


class NewItem(BaseModel):
    """An object of the project's inbox, or a recording that is here: one of the two."""

    model_config = ConfigDict(extra="forbid")

    uri: Text | None = Field(None, examples=["s3://dawnchorus/inbox/night-survey/a.wav"])
    recording_id: Text | None = None
    name: Annotated[str, Field(max_length=200)] | None = Field(None, description="What you call it.")


class NewBatch(BaseModel):
    """What is to be done with many recordings; without items, uploads may name the batch."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=200)
    project: str | None = Field(None, max_length=100)
    items: list[NewItem] = Field(default_factory=list, max_length=BATCH_ITEMS_MAX)
    rendering: RenderParameters | None = Field(None, description="Of the images; null: as the project says.")
    analysis: AnalysisWish | None = Field(None, description="Besides what every upload gets.")
    priority: Annotated[int, Field(ge=0, le=PRIORITY_MAX)] = Field(0, description=PRIORITY)


class RefusedItem(BaseModel):
    """An item of which nothing will come."""

    number: int
    error: Fault


class BatchPlan(BaseModel):
    """What a batch would do, and what it would cost."""

    items: int
    refused: list[RefusedItem]
    audio_s: float = Field(description="Of the recordings that are here, by their headers where nothing is decoded.")
    unknown_length: int = Field(description="Items whose length nobody knows before they are taken in.")
    cost_per_audio_s: float | None = Field(description="Seconds of one slot per second of audio.")
    cost_from: str = Field(description="Where that comes from.")
    cost_s: float | None = Field(description="Of what has a known length; divide by the slots of the lane.")


class BatchView(BaseModel):
    """How far a batch is."""

    id: str
    name: str
    project: str
    lane: Lane
    status: State = Field(description="`partial`: all ended, some badly.")
    created_at: datetime
    completed_at: datetime | None
    cancelled_at: datetime | None
    items: int
    counts: dict[State, int] = Field(description="Items by where they stand.")
    progress: float | None = Field(description="Share of the items that ended; null without items.")
    refused: list[RefusedItem] = Field(default_factory=list, description="Only in the answer that makes it.")
    links: dict[str, str]


class BatchPage(BaseModel):
    """The newest batches first."""

    items: list[BatchView]
    next_cursor: str | None


class ItemView(BaseModel):
    """Where one item stands."""

    id: str
    number: int
    uri: str | None
    recording_id: str | None
    name: str | None
    status: State
    duplicate: bool
    error: Fault | None
    links: dict[str, str]


class ItemPage(BaseModel):
    """Items in their order."""

    items: list[ItemView]
    next_cursor: str | None


def batch_view(batch: BatchDocument, counts: dict[State, int], refused: list[RefusedItem] | None = None) -> BatchView:
    """Return how far a batch is."""
    ended = sum(number for state, number in counts.items() if state.is_terminal)
    total = sum(counts.values())
    self = f"/v1/batches/{batch.id}"
    return BatchView(
        **batch.model_dump(include={"id", "name", "lane", "created_at", "completed_at", "cancelled_at"}),
        project=batch.project_id,
        status=_status(counts),
        items=total,
        counts=counts,
        progress=ended / total if total else None,
        refused=refused or [],
        links={"self": self, "items": f"{self}/items", "events": f"/v1/events?batch={batch.id}"},
    )


def item_view(item: BatchItemDocument) -> ItemView:
    """Return where an item stands."""
    return ItemView(
        **item.model_dump(include={"id", "number", "uri", "recording_id", "name", "duplicate", "error"}),
        status=item.state,
        links=links(item.recording_id) if item.recording_id is not None else {},
    )


def _status(counts: dict[State, int]) -> State:
    states = set(counts)
    if not states:
        return State.QUEUED
    if len(states) == 1:
        return states.pop()
    return State.PARTIAL if all(state.is_terminal for state in states) else State.PROCESSING
