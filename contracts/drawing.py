"""What the gateway asks of the spectrogram service while a reader waits; over HTTP, between services only."""

import hashlib
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from .canonical import canonical_json
from .rendering import RenderParameters
from .tiles import TileGrid
from .vocabulary import ContractModel

DRAWINGS_PATH = "/drawings"
# Goes up whenever the same image gets other axes, so that figures are drawn anew.
AXES_VERSION = "1"


class FigureRequest(ContractModel):
    """An image of ours with axes around it."""

    image_key: str
    geometry: dict[str, Any] = Field(description="As in the document of the image.")
    colours: str | None = Field(default=None, description="256 RGB triples, as hexadecimal; null: the image's own.")

    @property
    def figure_id(self) -> str:
        """The same for everybody who asks for the same."""
        facts = {**self.model_dump(mode="json"), "axes": AXES_VERSION}
        return hashlib.sha256(canonical_json(facts).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Region:
    """Which part of a recording, and in how many pixels: `width` is less where the time has fewer samples than pixels.

    f_max_hz  None: as far as the parameters say, and the recording reaches
    """

    start_s: float
    end_s: float
    f_min_hz: float
    f_max_hz: float | None
    width: int
    height: int


class RegionRequest(ContractModel):
    """A part of a recording in its own resolution."""

    recording_id: str
    container: str
    size_bytes: int
    parameters: RenderParameters
    region: Region
    reference_dbfs: float | None = Field(description="What is 0 dB; null: the region's own loudest cell.")
    duration_s: float | None = Field(None, description="How long the recording was found to be; null: not known yet.")

    @property
    def region_id(self) -> str:
        """The same for everybody who asks for the same."""
        facts = {**self.model_dump(mode="json", exclude={"duration_s"}), "rendering": self.parameters.parameters_id}
        return hashlib.sha256(canonical_json(facts).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Clip:
    """Which part of a recording is to be heard."""

    start_s: float
    end_s: float


class ClipRequest(ContractModel):
    """A part of a recording as a WAV."""

    recording_id: str
    container: str
    size_bytes: int
    clip: Clip
    duration_s: float | None = Field(None, description="How long the recording was found to be; null: not known yet.")


class TileRequest(ContractModel):
    """A tile of a zoom level that was not stored."""

    recording_id: str
    container: str
    size_bytes: int
    parameters: RenderParameters
    grid: TileGrid
    level: int
    x: int
