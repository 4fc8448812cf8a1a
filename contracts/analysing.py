"""What a reader may ask of an analysis, besides what every upload gets."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

# More overlap than this only repeats itself, and every segment that is open costs memory.
OVERLAP_MAX = 8

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
SegmentMode = Literal["aggregates", "segments", "both"]


class Segmentation(BaseModel):
    """How a recording is cut into segments; each has the same statistics as the whole.

    Segment i begins at i · hop and ends `length_s` later, or with the recording. Where more than `segments_max` would
    begin, the hop is doubled until they do not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mode: SegmentMode = Field("aggregates", description="Of extractors without frames, aggregates are always there.")
    length_s: float = Field(10.0, ge=0.1, le=600)
    hop_s: float | None = Field(None, ge=0.05, le=600, description="Null: the length. At least an eighth of it.")
    segments_max: int = Field(1000, ge=1, le=5_000)

    @model_validator(mode="after")
    def _overlaps_little(self) -> Self:
        if self.hop_s is not None and self.hop_s * OVERLAP_MAX < self.length_s:
            raise ValueError(f"hop_s, {self.hop_s:g}, must be at least an eighth of length_s, {self.length_s:g}")
        return self

    @property
    def asked_hop_s(self) -> float:
        """Seconds between the starts of neighbours, before the limit on their number."""
        return self.length_s if self.hop_s is None else self.hop_s

    @property
    def wants_segments(self) -> bool:
        """Whether there is anything to cut."""
        return self.mode != "aggregates"


class AnalysisWish(BaseModel):
    """Which extractors shall run, with which parameters, over which segments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    extractors: tuple[Name, ...] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="By name; null: those that every upload gets, and those of `parameters`.",
    )
    parameters: dict[Name, dict[Name, Any]] = Field(
        default_factory=dict,
        max_length=100,
        description="By extractor, within its schema; what is not named keeps its default.",
    )
    segments: Segmentation = Segmentation()
