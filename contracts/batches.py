"""Batches: many recordings to be taken in, or to be worked on again, as one thing; written by the gateway."""

from datetime import datetime

from pydantic import Field

from .rendering import RenderParameters
from .vocabulary import ContractModel, Fault, Lane, State

BATCHES = "batches"
BATCH_ITEMS = "batch_items"

BATCH_ITEMS_MAX = 10_000


class BatchDocument(ContractModel):
    """What is to be done with every item of a batch, and how far whoever works it off has come."""

    id: str = Field(alias="_id")
    project_id: str
    name: str
    lane: Lane
    rendering: RenderParameters | None = Field(None, description="Of the images; null: as the project says.")
    wish: str | None = Field(None, description="JSON text of an `AnalysisWish`; null: what every upload gets.")
    created_at: datetime
    completed_at: datetime | None = Field(None, description="When no item was open any more.")
    cancelled_at: datetime | None = None
    is_open: bool = Field(description="Whether an item may be open.")
    is_cancelling: bool = Field(False, description="Whether recordings are still to be told of the cancellation.")
    items: int = Field(description="How many there are: the next one's number.")
    worked_until: datetime | None = Field(None, description="Until when somebody works it off, or pauses.")


class BatchItemDocument(ContractModel):
    """One item of a batch; `_id` is `{batch}-{number}`.

    `queued`: not taken up yet; `processing`: its recording is being worked on; otherwise as its recording ended.
    """

    id: str = Field(alias="_id")
    batch_id: str
    project_id: str
    number: int
    uri: str | None = None
    name: str | None = Field(None, description="What its sender calls it.")
    recording_id: str | None = None
    is_again: bool = Field(False, description="Whether its recording was here, and is only to be worked on again.")
    duplicate: bool = Field(False, description="Whether its bytes were here before.")
    task_ids: tuple[str, ...] = Field((), description="Of what was asked for besides what its upload gets.")
    state: State
    attempts: int = 0
    begun_at: datetime | None = Field(None, description="When it was taken up.")
    error: Fault | None = None
