"""What the gateway asks of ingest about recordings that are there; over HTTP, between services only."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .vocabulary import ContractModel

BULK_MAX = 1000
_OFFSET_MAX = timedelta(hours=14)

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/\\]+$")]
Tag = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class GivenPlace(BaseModel):
    """A place that a client knows."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    latitude_deg: float = Field(ge=-90, le=90)
    longitude_deg: float = Field(ge=-180, le=180)
    elevation_m: float | None = Field(None, ge=-12_000, le=100_000)


class RecordingChange(BaseModel):
    """What is to be otherwise; what is not named stays (RFC 7396)."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = Field(None, examples=["dawn.wav"])
    tags: list[Tag] | None = Field(None, max_length=50, description="All of them; null or [] for none.")
    recorded_at: Annotated[datetime, Field(strict=True)] | None = Field(
        None,
        description="ISO 8601, with the offset from UTC where that is known; null where nobody knows.",
        examples=["2020-04-04T10:25:00+02:00"],
    )
    place: GivenPlace | None = Field(None, description="Null where nobody knows.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if "name" in self.model_fields_set and self.name is None:
            raise ValueError("a recording has a name")
        if self.recorded_at is not None:
            offset = self.recorded_at.utcoffset()
            if not 1900 <= self.recorded_at.year <= 2200 or (offset is not None and abs(offset) > _OFFSET_MAX):
                raise ValueError("recorded_at must be a date of 1900 to 2200, at most 14 hours from UTC")
        return self


class Deletion(ContractModel):
    """Which recordings are to go; those of other projects are not there."""

    project_ids: tuple[str, ...]
    recording_ids: tuple[str, ...] = Field(max_length=BULK_MAX)


class Deleted(ContractModel):
    """Which of them went, and until when they can be had back."""

    recording_ids: tuple[str, ...]
    restorable_until: datetime
