"""What a person may ask of a spectrogram, and the identity of what was asked."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from .canonical import canonical_json

# Goes up whenever the same parameters give other pixels, so that images are made anew and never mixed.
ENGINE_VERSION = "3"
# Eight times the transforms of the default hop: what one rendering may cost has a bound, whoever asks.
MOST_OVERLAP = 64

WindowSize = Literal[256, 512, 1024, 2048, 4096, 8192]
WindowName = Literal["hann", "hamming", "blackman"]
ScaleName = Literal["linear", "mel", "log"]
Reference = Literal["recording", "full_scale"]
Pool = Literal["max", "mean"]
Channel = Literal["mix", "stacked"] | Annotated[int, Field(ge=0, le=31)]
PaletteName = Literal[
    "viridis",
    "magma",
    "inferno",
    "cividis",
    "gray",
    "viridis_r",
    "magma_r",
    "inferno_r",
    "cividis_r",
    "gray_r",
]
Preset = Literal["default", "birdsong", "bat", "speech", "music"]


def _without_sign_of_zero(number: float) -> float:
    # -0.0 equals 0.0, but would be another identity.
    return number + 0.0


class RenderParameters(BaseModel):
    """How images of a recording are computed; the defaults suit most recordings of most animals.

    The same parameters give the same images, so their hash is part of each image's identity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_size: WindowSize = Field(2048, description="Samples per transform: more of them part frequencies better.")
    window: WindowName = "hann"
    hop: int | None = Field(
        None,
        ge=1,
        description="At most so many samples between transforms, a 64th of a window or more; null: an eighth.",
    )
    f_min_hz: Annotated[float, AfterValidator(_without_sign_of_zero)] = Field(0.0, ge=0, allow_inf_nan=False)
    f_max_hz: float | None = Field(None, gt=0, allow_inf_nan=False, description="Null: half of the sample rate.")
    scale: ScaleName = "linear"
    floor_db: Annotated[float, AfterValidator(_without_sign_of_zero)] = Field(
        -80.0, ge=-200, le=100, description="The level that gets the palette's first colour."
    )
    ceiling_db: Annotated[float, AfterValidator(_without_sign_of_zero)] = Field(
        0.0, ge=-200, le=100, description="The level that gets the palette's last colour."
    )
    reference: Reference = Field(
        "recording", description="0 dB: the recording's loudest cell above a recorder's offset, or a full-scale sine."
    )
    palette: PaletteName = "viridis"
    channel: Channel = Field("mix", description="The mean of all channels, one of them from 0, or all, each stacked.")
    pool: Pool = Field("max", description="Joins cells that share a pixel; by maximum a short call survives.")
    pcen: bool = Field(default=False, description="Per-channel energy normalization instead of decibels.")

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.f_max_hz is not None and self.f_min_hz >= self.f_max_hz:
            raise ValueError(f"f_min_hz, {self.f_min_hz:g}, must be below f_max_hz, {self.f_max_hz:g}")
        if self.floor_db >= self.ceiling_db:
            raise ValueError(f"floor_db, {self.floor_db:g}, must be below ceiling_db, {self.ceiling_db:g}")
        if self.hop is not None and self.hop > self.window_size:
            raise ValueError(f"hop, {self.hop}, must not pass window_size, {self.window_size}: samples would be lost")
        if self.hop is not None and self.hop < self.window_size // MOST_OVERLAP:
            shortest = self.window_size // MOST_OVERLAP
            raise ValueError(f"hop, {self.hop}, must be at least {shortest}, a {MOST_OVERLAP}th of window_size")
        return self

    @property
    def parameters_id(self) -> str:
        """The same for everybody who asks for the same, until the engine's version changes."""
        return hashlib.sha256(canonical_json(self.document()).encode()).hexdigest()[:16]

    def document(self) -> dict[str, Any]:
        """Return what documents keep: every parameter, and the engine's version."""
        return {**self.model_dump(mode="json"), "engine": ENGINE_VERSION}

    @classmethod
    def of_document(cls, parameters: Mapping[str, Any]) -> Self:
        """Return the parameters that a document keeps, whichever engine's they are."""
        return cls.model_validate({name: value for name, value in parameters.items() if name != "engine"})


PRESETS: dict[Preset, RenderParameters] = {
    # By name, because a project may have other parameters of its own.
    "default": RenderParameters(),
    # Most songbirds sing between 1 and 10 kHz; above are insects and noise.
    "birdsong": RenderParameters(f_max_hz=10_000),
    # Calls of some milliseconds with steep sweeps: at 384 kHz a window of 512 samples lasts 1.3 ms.
    "bat": RenderParameters(window_size=512, f_min_hz=8_000, f_max_hz=130_000, floor_db=-70),
    # The broad-band view of phonetics would be shorter yet; 1024 samples at 44.1 kHz still show formants.
    "speech": RenderParameters(window_size=1024, f_max_hz=8_000, floor_db=-70),
    # Octaves of equal height, and a window that parts semitones down to the middle of the keyboard.
    "music": RenderParameters(window_size=4096, scale="log", f_min_hz=27.5, f_max_hz=16_000, palette="magma"),
}
