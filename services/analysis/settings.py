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
    extractor_timeout_s: float = 30
    extractor_timeout_per_audio_s: float = 0.05
    long_from_s: float = 600
    io_slots: int = 4
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    gpu_slots: int = Field(1, ge=1)
