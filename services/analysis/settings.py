"""What an operator can set for the analysis service."""

from typing import Literal

from pydantic import Field

from chassis.worker import WorkerSettings


class AnalysisSettings(WorkerSettings):
    """Slots, bounds, which extractors run, and how long each may take."""

    extractors: tuple[str, ...] = (
        "loudness",
        "spectral",
        "mel",
        "mfcc",
        "chroma",
        "tonnetz",
        "key",
        "tempo",
        "onsets",
        "pitch",
        "quality",
        "levels",
        "ecoacoustic",
        "embedding",
        "fingerprint",
    )
    opt_in_extractors: tuple[str, ...] = ()
    extractor_timeout_s: float = 30
    extractor_timeout_per_audio_s: float = 0.05
    long_from_s: float = 600
    io_slots: int = 4
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    gpu_slots: int = Field(1, ge=1)

    @property
    def opted_in(self) -> tuple[str, ...]:
        """Return every extractor that a setting names: those of uploads, and those that readers may ask for."""
        return (*self.extractors, *self.opt_in_extractors)
