"""The documents in MongoDB: each collection has one writer, the gateway reads them all."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from .interventions import Interventions
from .recorded import Place, RecordedAt
from .rendering import RenderParameters
from .tiles import StoredTiles
from .topology import EVENTS_EXCHANGE
from .vocabulary import Caveat, ContractModel, Fault, Lane, Role, Scope, State
from .watching import Watch

RECORDINGS = "recordings"
SPECTROGRAMS = "spectrograms"
ANALYSES = "analyses"
EXTRACTORS = "extractors"
API_KEYS = "api_keys"
SUBJECTS = "subjects"
RATES = "rates"
TASKS = "tasks"
PROJECTS = "projects"
SEARCH = "search"
FINGERPRINTS = "fingerprints"
SEARCH_PROGRESS = "search_progress"
UPLOADS = "uploads"
UPLOAD_KEYS = "upload_keys"

EMBEDDING_DIMENSIONS = 384


class OutboxEntry(ContractModel):
    """An event that waits in the document that made it true until the broker has confirmed it."""

    event_id: str
    exchange: str = EVENTS_EXCHANGE
    routing_key: str
    headers: dict[str, str]
    body: str
    trace: dict[str, str] = Field(default_factory=dict, description="The W3C trace context of the writer.")


class AudioFacts(ContractModel):
    """What the probe read from the header; durations are claims until a worker has decoded everything."""

    container: str
    codec: str
    rate_hz: int
    channels: int
    bit_depth: int | None = None
    duration_claimed_s: float | None = None


class RecordingDocument(ContractModel):
    """One recording; written by ingest."""

    id: str = Field(alias="_id")
    project_id: str
    name: str
    lane: Lane
    state: State = Field(description="`completed`: stored and announced; `failed`: refused after storing.")
    sha256: str
    size_bytes: int
    audio: AudioFacts | None = None
    object_key: str | None = None
    uploaded_at: datetime
    rendering: RenderParameters | None = Field(None, description="How its own images are rendered; null: by default.")
    trace_id: str
    error: Fault | None = None
    current: bool = Field(description="Whether the same bytes again are this recording.")
    recorded_at: RecordedAt | None = Field(None, description="When it was recorded; null where nobody says.")
    place: Place | None = None
    tags: tuple[str, ...] = ()
    deleted_at: datetime | None = Field(None, description="Since when it is hidden from readers; null: it is not.")
    deletion_changed_at: datetime | None = Field(None, description="When it was deleted or restored last.")
    purge_at: datetime | None = Field(None, description="When what is deleted goes for good.")
    deletions: int = Field(0, description="How often it was deleted: each is another fact.")
    cancelled_at: datetime | None = Field(None, description="When its open work was cancelled last.")
    cancellations: int = 0
    retried_at: datetime | None = Field(None, description="When what had failed of it was asked for again last.")
    retries: int = 0
    batch_id: str | None = Field(None, description="The batch it came with, if any.")
    watch: Watch | None = Field(None, description="Over its work, until all of it has ended.")
    outbox: tuple[OutboxEntry, ...] = ()

    @property
    def interventions(self) -> Interventions:
        """What a reader did to the work on it."""
        return Interventions(self.cancelled_at, self.retried_at)


class UploadKeyDocument(ContractModel):
    """An `Idempotency-Key` that was used; `_id` is project and key, hashed; written by ingest."""

    id: str = Field(alias="_id")
    sha256: str
    recording_id: str | None = Field(None, description="What it was answered with; null while it is being answered.")
    expires_at: datetime


class UploadDocument(ContractModel):
    """A recording that its sender puts into S3 in parts, by presigned URLs; written by ingest."""

    id: str = Field(alias="_id", description="The id that the recording will have.")
    project_id: str
    name: str
    lane: Lane
    batch_id: str | None = Field(None, description="The batch that it is part of, if any.")
    size_bytes: int
    part_bytes: int
    sha256: str | None = None
    rendering: RenderParameters | None = None
    store_upload_id: str = Field(description="What S3 calls it.")
    created_at: datetime
    expires_at: datetime
    completing_until: datetime | None = Field(None, description="While somebody is completing it, or died doing so.")
    answer: dict[str, Any] | None = Field(None, description="What its completion was answered with.")

    @property
    def parts(self) -> int:
        """How many parts it has; all but the last are of `part_bytes`."""
        return -(-self.size_bytes // self.part_bytes)

    def part_size_bytes(self, number: int) -> int:
        """Return how large a part is, numbered from 1."""
        return min(self.part_bytes, self.size_bytes - (number - 1) * self.part_bytes)


class TaskDocument(ContractModel):
    """One piece of work on one recording; `_id` is `{recording}/{parameters}`."""

    id: str = Field(alias="_id")
    recording_id: str
    project_id: str
    parameters_id: str
    parameters: dict[str, Any]
    requested: bool = Field(default=False, description="Whether a reader asked for it; the upload did otherwise.")
    state: State
    attempts: int = 0
    fence: int = 0
    runs: int = Field(1, description="How often it was begun: once, and once for every retry of what failed.")
    outages: int = Field(0, description="Attempts that a server which was down has ended: they are not counted.")
    lane: Lane | None = Field(None, description="By which it came; older documents do not say.")
    batch_id: str | None = None
    announced_at: datetime | None = Field(None, description="When it was wanted first.")
    lease_until: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_decoded_s: float | None = None
    warnings: tuple[Caveat, ...] = ()
    timings_s: dict[str, float] = Field(default_factory=dict)
    error: Fault | None = None
    outbox: tuple[OutboxEntry, ...] = ()


class StoredImage(ContractModel):
    """Where an image is and how its pixels read."""

    key: str
    size_bytes: int
    geometry: dict[str, Any]


class StoredFirstLook(StoredImage):
    """Where a first look is; its columns are moments of the time that they stand for."""

    approximate: bool = True


class StoredPeaks(ContractModel):
    """The outline of a recording at one zoom, in audiowaveform's data format."""

    samples_per_px: int
    json_key: str
    dat_key: str
    rms_dat_key: str | None = Field(None, description="The RMS alone; outlines of before have none.")


class SpectrogramDocument(TaskDocument):
    """The images of one recording; written by the spectrogram service."""

    first_look: StoredFirstLook | None = Field(None, description="What could be seen before there were images.")
    images: dict[str, StoredImage] = Field(default_factory=dict)
    waveform: StoredImage | None = None
    zooms: tuple[StoredPeaks, ...] = ()
    tiles: StoredTiles | None = None
    geometry_key: str | None = None
    reference_dbfs: float | None = None


class AnalysisDocument(TaskDocument):
    """The features of one recording; written by the analysis service."""

    manifest_key: str | None = None
    extractors: tuple[dict[str, Any], ...] = ()


class ExtractorDocument(ContractModel):
    """An extractor that can be asked for; `_id` is its name; written by the analysis service when it starts."""

    id: str = Field(alias="_id")
    version: str
    description: str
    device: Literal["cpu", "gpu"]
    needs: str
    cost_per_audio_s: float = Field(description="CPU seconds per second of one channel at 44.1 kHz.")
    by_default: bool = Field(description="Whether it runs on every upload.")
    licence: str | None = Field(default=None, description="The terms of what it computes with, where there are any.")
    parameters_schema: str = Field(description="JSON text: documents cannot hold every name that a schema has.")
    published_at: datetime


class ProjectDocument(ContractModel):
    """What is particular about a project; written by the gateway."""

    id: str = Field(alias="_id")
    rendering: RenderParameters | None = None
    created_at: datetime | None = Field(None, description="Null: it came to be by the first key that opened it.")
    updated_at: datetime | None = None


class SearchDocument(ContractModel):
    """What a recording is found by; made from its newest analysis, and made anew when that is lost.

    `_id` is the recording; written by the gateway.
    """

    id: str = Field(alias="_id")
    project_id: str
    form: int = Field(description="Of this document; one of another form is made anew.")
    uploaded_at: datetime
    analysed_at: datetime
    features: dict[str, Any] = Field(description="By extractor, measure and statistic: a number, or a word.")
    embedding_version: str | None = None
    vector: bytes | None = Field(None, description="384 little-endian float32, of length 1.")


class FingerprintDocument(ContractModel):
    """Those landmarks of a recording that are looked up; `_id` is the recording; written by the gateway."""

    id: str = Field(alias="_id")
    project_id: str
    key: str = Field(description="The object that holds all landmarks.")
    landmarks: tuple[int, ...]


class SearchProgressDocument(ContractModel):
    """Until when every analysis is in the collections of the search; written by the gateway."""

    id: str = Field(alias="_id")
    until: datetime


class Membership(ContractModel):
    """A role in a project."""

    project_id: str
    role: Role


class ApiKeyDocument(ContractModel):
    """An API key; the secret is known by its SHA-256 alone; written by the gateway."""

    id: str = Field(alias="_id")
    name: str
    secret_sha256: str
    memberships: tuple[Membership, ...] = ()
    scopes: tuple[Scope, ...] = (Scope.READ, Scope.WRITE, Scope.MANAGE)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = Field(None, description="To the minute.")


class SubjectDocument(ContractModel):
    """The roles of a token's subject; `_id` is `subject:` and its `sub`; written by the gateway."""

    id: str = Field(alias="_id")
    memberships: tuple[Membership, ...] = ()


class RateDocument(ContractModel):
    """How many requests of a class a caller has had in one minute; `_id` is `{caller}/{class}/{minute}`.

    Written by the gateway, forgotten by MongoDB after `until`.
    """

    id: str = Field(alias="_id")
    counted: int
    until: datetime
