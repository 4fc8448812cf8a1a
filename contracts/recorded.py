"""When and where a recording was made, and who says so."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .vocabulary import ContractModel


class Source(StrEnum):
    """Who says when or where a recording was made; the first that is plausible is believed."""

    CLIENT = "client"
    GUANO = "guano"
    AUDIOMOTH = "audiomoth"
    BEXT = "bext"
    TAGS = "tags"
    NAME = "name"


class Doubt(StrEnum):
    """Why a time should not be believed without a look."""

    BEFORE_1990 = "before_1990"
    IN_FUTURE = "in_future"
    CLOCK_NOT_SET = "clock_not_set"
    SOURCES_DISAGREE = "sources_disagree"


class RecordedAt(ContractModel):
    """When a recording began: what its recorder's clock showed, and which moment that was, where anybody says."""

    local: str = Field(description="The clock's time, ISO 8601 without an offset.", examples=["2020-04-04T10:25:00"])
    utc_offset_s: int | None = Field(None, description="Local time minus UTC; null where nobody says.")
    utc: datetime | None = Field(None, description="The moment; null where no offset is known.")
    local_source: Source
    utc_offset_source: Source | None = None
    utc_source: Source | None = None
    doubts: tuple[Doubt, ...] = ()
    sorted_by: datetime = Field(description="UTC, or where that is unknown the local time in its place.")


class Place(ContractModel):
    """Where a recording was made."""

    latitude_deg: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude_deg: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    elevation_m: Annotated[float | None, Field(ge=-12_000, le=100_000, allow_inf_nan=False)] = None
    source: Source
