"""The words that events, documents and interfaces share."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_PROJECT = "default"
# Priorities go from 0 to 9; quorum queues of RabbitMQ 3.10 know none, so that there are as many as lanes.
PRIORITY_MAX = 9
PRIORITY_INTERACTIVE = 5
# By this header a service knows that another service asks.
TOKEN_HEADER = "X-Internal-Token"  # noqa: S105 (the header's name)

# By this one the gateway tells ingest how an upload is to be rendered, as JSON of `RenderParameters`.
RENDERING_HEADER = "X-Rendering"
# And by this one, of which batch it is a part.
BATCH_HEADER = "X-Batch"


class State(StrEnum):
    """Where a piece of work stands: `queued → processing → completed | partial | failed | cancelled | skipped`."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def is_terminal(self) -> bool:
        """Tell whether nothing more will happen by itself."""
        return self not in (State.QUEUED, State.PROCESSING)


class Lane(StrEnum):
    """A person waits for the interactive lane; imports go by the bulk lane."""

    INTERACTIVE = "interactive"
    BULK = "bulk"

    @classmethod
    def of_priority(cls, priority: int) -> "Lane":
        """Return the lane of a priority of 0 to 9: the higher the number, the more urgent."""
        return cls.INTERACTIVE if priority >= PRIORITY_INTERACTIVE else cls.BULK


class Role(StrEnum):
    """What a member of a project may do there; each role may do what those before it may."""

    READER = "reader"
    WRITER = "writer"
    OWNER = "owner"

    def includes(self, other: "Role") -> bool:
        """Tell whether whoever has this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Scope(StrEnum):
    """What a key or a token may be used for, whatever the roles of its owner are."""

    READ = "read"
    WRITE = "write"
    MANAGE = "manage"
    OPERATE = "operate"


class Stage(StrEnum):
    """What a worker is doing with a recording."""

    FETCH = "fetch"
    COMPUTE = "compute"
    STORE = "store"


class ContractModel(BaseModel):
    """Frozen; tolerant of fields that a newer writer adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Fault(ContractModel):
    """Why something ended without a result, for people and programs."""

    code: str = Field(description="Stable, snake_case.", examples=["not_decodable"])
    sentence: str = Field(description="What happened.", examples=["No frame of this FLAC could be decoded."])
    next_step: str = Field(description="What the reader can do.", examples=["Export the recording again."])


class Caveat(ContractModel):
    """Something a reader of the result should know; the result stands."""

    code: str = Field(description="Stable, snake_case.", examples=["truncated"])
    sentence: str = Field(examples=["The header claims 60.0 s, 41.2 s could be decoded."])
