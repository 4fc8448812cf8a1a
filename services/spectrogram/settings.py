"""What an operator can set for the spectrogram service."""

from chassis.worker import WorkerSettings


class SpectrogramSettings(WorkerSettings):
    """Slots and bounds; what images look like is `contracts.rendering`."""
