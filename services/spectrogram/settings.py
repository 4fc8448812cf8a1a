"""What an operator can set for the spectrogram service."""

from pydantic import SecretStr

from chassis.worker import WorkerSettings


class SpectrogramSettings(WorkerSettings):
    """Slots and bounds; what images look like is `contracts.rendering.RenderParameters`."""

    internal_token: SecretStr
    drawing_slots: int = 1
    drawing_timeout_s: float = 30
