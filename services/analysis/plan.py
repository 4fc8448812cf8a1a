"""What is to be computed of a recording: everything that a job is told, picklable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.analysing import Segmentation

from .budget import Budget


@dataclass(frozen=True)
class Plan:
    """Which extractors run, with which parameters besides their defaults, over which segments, and how long.

    On `gpu`, spectra are computed there if it is to be had; what is found is the same within rounding.
    In `scratch`, where there is one, the job leaves the series, and what a dead job can still say.
    """

    extractors: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    scratch: Path | None = None
    segments: Segmentation = field(default_factory=Segmentation)
    gpu: bool = False
