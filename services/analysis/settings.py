"""What an operator can set for the analysis service."""

from chassis.worker import WorkerSettings


class AnalysisSettings(WorkerSettings):
    """Slots, bounds, and which extractors run."""

    extractors: tuple[str, ...] = ("levels", "spectral", "tempo", "pitch")
