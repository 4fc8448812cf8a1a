"""The answers of the gateway that the client reads. What the gateway says beyond them is kept, too."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

ENDED = frozenset({"completed", "partial", "failed", "skipped", "cancelled"})


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Fault(Answer):
    """What went wrong, and what its reader can do."""

    code: str
    sentence: str
    next_step: str | None = None
    part: str | None = None


class Task(Answer):
    """Where the images or the features of a recording stand."""

    status: str
    progress: float | None = None
    error: Fault | None = None


class Recording(Answer):
    """A recording; a list says less of each than a status does."""

    id: str
    name: str = ""
    project: str = ""
    lane: str = ""
    status: str
    uploaded_at: datetime | None = None
    completed_at: datetime | None = None
    duration_s: float | None = None
    tags: tuple[str, ...] = ()
    trace_id: str | None = None
    spectrogram: Task | None = None
    analysis: Task | None = None
    errors: tuple[Fault, ...] = ()

    @property
    def is_ended(self) -> bool:
        """Whether nothing of it waits or runs."""
        return self.status in ENDED


class RecordingPage(Answer):
    """A page of a list; `next_cursor` leads on."""

    items: tuple[Recording, ...]
    next_cursor: str | None = None


class Accepted(Answer):
    """A recording that was taken in, or was there already."""

    id: str
    status: str
    trace_id: str | None = None
    duplicate_of: str | None = None


class PartedUpload(Answer):
    """A recording that is sent in parts; `stored` has the numbers of those that are there."""

    id: str
    size_bytes: int
    part_bytes: int
    parts: int
    stored: tuple[int, ...] = ()


class PartUrl(Answer):
    """Where a part goes."""

    number: int
    offset_bytes: int
    size_bytes: int
    url: str


class PartUrls(Answer):
    """Where some parts go."""

    items: tuple[PartUrl, ...]


class Caller(Answer):
    """Who the key says that one is."""

    member: str
    scopes: tuple[str, ...] = ()
    projects: dict[str, str] = Field(default_factory=dict)


class Capabilities(Answer):
    """What a caller may do here."""

    caller: Caller


class ProjectRole(Answer):
    """A project, and as what it is opened."""

    project: str
    role: str


class Key(Answer):
    """An API key; `key` has its secret, only in the answer that makes it."""

    id: str
    name: str
    projects: tuple[ProjectRole, ...] = ()
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    key: str | None = None


class KeyList(Answer):
    """The keys of one's projects."""

    items: tuple[Key, ...]


class RefusedItem(Answer):
    """An item of which nothing will come."""

    number: int
    error: Fault


class Batch(Answer):
    """How far a batch is."""

    id: str
    name: str = ""
    project: str = ""
    status: str
    items: int = 0
    counts: dict[str, int] = Field(default_factory=dict)
    progress: float | None = None
    refused: tuple[RefusedItem, ...] = ()


class BatchPage(Answer):
    """A page of batches."""

    items: tuple[Batch, ...]
    next_cursor: str | None = None


class BatchItem(Answer):
    """Where an item of a batch stands."""

    number: int
    status: str
    uri: str | None = None
    recording_id: str | None = None
    name: str | None = None
    error: Fault | None = None


class BatchItemPage(Answer):
    """A page of a batch's items."""

    items: tuple[BatchItem, ...]
    next_cursor: str | None = None


class DeadLetter(Answer):
    """A message that no service could work on."""

    id: str
    status: str
    service: str
    reason: str
    error: str | None = None
    event_type: str | None = None
    recording: str | None = None
    project: str | None = None
    trace_id: str | None = None
    last_at: datetime | None = None


class DeadLetterPage(Answer):
    """A page of dead letters."""

    items: tuple[DeadLetter, ...]
    next_cursor: str | None = None


class Replayed(Answer):
    """What was sent again, or would be."""

    dry_run: bool
    matching: int
    allowed: int
    replayed: tuple[str, ...] = ()


Manifest = dict[str, Any]
