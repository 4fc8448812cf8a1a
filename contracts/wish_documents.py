"""What readers asked for after an upload, kept beside the results; written by the gateway into `tasks`."""

from datetime import datetime
from typing import Any

from pydantic import Field

from .documents import OutboxEntry
from .vocabulary import ContractModel, Lane
from .watching import Watch


class RenderRequestDocument(ContractModel):
    """A wish to see a recording in another way; `_id` is `{recording}/{parameters}`, so that there is one of each."""

    id: str = Field(alias="_id")
    recording_id: str
    project_id: str
    parameters: dict[str, Any]
    lane: Lane | None = None
    audio_s: float | None = None
    batch_id: str | None = Field(None, description="The batch that asked for it, if any.")
    requested_at: datetime
    watch: Watch | None = Field(None, description="Over its task, until that has ended.")
    outbox: tuple[OutboxEntry, ...] = ()


class AnalysisRequestDocument(ContractModel):
    """A wish to have a recording analysed again; `_id` is `{recording}/analysis/{request}`."""

    id: str = Field(alias="_id")
    recording_id: str
    project_id: str
    request_id: str = Field(description="The `parameters_id` of the task that comes of it.")
    wish: str = Field(description="JSON text: documents cannot hold every name that parameters may have.")
    lane: Lane | None = None
    audio_s: float | None = None
    batch_id: str | None = Field(None, description="The batch that asked for it, if any.")
    requested_at: datetime
    watch: Watch | None = Field(None, description="Over its task, until that has ended.")
    outbox: tuple[OutboxEntry, ...] = ()
