"""What is to be computed of a recording: everything that a job is told, picklable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .budget import Budget


@dataclass(frozen=True)
class Plan:
    """Which extractors run, with which parameters besides their defaults, and how long each may take.

    In `scratch`, where there is one, the job leaves what a dead job can still say.
    """

    extractors: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    scratch: Path | None = None
