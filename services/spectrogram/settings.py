"""What an operator can set for the spectrogram service."""

from pydantic import Field, SecretStr

from chassis.worker import WorkerSettings


class SpectrogramSettings(WorkerSettings):
    """Slots and bounds; what images look like is `contracts.rendering.RenderParameters`."""

    internal_token: SecretStr
    drawing_slots: int = Field(default=1, ge=1)
    drawing_queue: int = Field(default=32, ge=0)
    drawing_timeout_s: float = 30
    clip_max_s: float = Field(default=60, gt=0)
    pyramid_columns: int = Field(default=8192, ge=0, le=65_536, multiple_of=2)
