"""What an operator can set for the analysis service."""

from chassis.worker import WorkerSettings


class AnalysisSettings(WorkerSettings):
    """Slots, bounds, which extractors run, and how long each may take."""

    extractors: tuple[str, ...] = ("levels", "spectral", "tempo", "pitch")
    extractor_timeout_s: float = 30
    extractor_timeout_per_audio_s: float = 0.05
