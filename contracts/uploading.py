"""What the gateway asks of ingest about recordings that come in parts; over HTTP, between services only."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from .changing import Name
from .rendering import RenderParameters
from .vocabulary import PRIORITY_MAX, ContractModel, Lane

URLS_MAX = 100

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class NewUpload(BaseModel):
    """A recording that is to be sent in parts."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(examples=["night.wav"])
    size_bytes: int = Field(gt=0, examples=[2_000_000_000])
    sha256: Sha256 | None = Field(None, description="Compared with what arrived, once all of it has.")
    lane: Lane | None = None
    priority: Annotated[int, Field(ge=0, le=PRIORITY_MAX)] | None = Field(
        None, description="Instead of the lane: the higher, the more urgent."
    )
    project: str | None = Field(None, max_length=100)
    batch: str | None = Field(None, max_length=64, description="The batch that it is part of.")


class UploadOrder(ContractModel):
    """A `NewUpload` of a project that its sender may send to."""

    upload: NewUpload
    project_id: str
    lane: Lane
    batch_id: str | None = None
    rendering: RenderParameters | None = None


class PartNumbers(BaseModel):
    """Which parts are to be sent next, numbered from 1."""

    model_config = ConfigDict(extra="forbid")

    numbers: list[Annotated[int, Field(ge=1, le=10_000)]] = Field(min_length=1, max_length=URLS_MAX, examples=[[1, 2]])
