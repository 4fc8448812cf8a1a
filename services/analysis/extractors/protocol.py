"""What an extractor is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from services.analysis.measures import Payload
from services.analysis.shared import Floats, Input, SharedBlock


class Device(StrEnum):
    """Where an extractor computes; one that asks for a GPU computes on the CPU where there is none."""

    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True, eq=False)
class SeriesBlock:
    """Consecutive frames of one extractor, in the order of time.

    times_s  (k,) float64: the centre of each frame, seconds from the recording's start
    values   (k,) float32 per name of `series_units`; NaN where a frame has no value
    """

    times_s: NDArray[np.float64]
    values: Mapping[str, Floats]


class Accumulator(Protocol):
    """One extractor at work on one recording, in memory that the recording's length does not decide."""

    def add(self, block: SharedBlock) -> None:
        """Take the next block."""

    def result(self) -> Payload:
        """Return the measures of everything taken; called once, at the end."""


@runtime_checkable
class SeriesSource(Protocol):
    """What an accumulator has besides, when its frames are worth keeping one by one."""

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series, by name; the same from the first block to the last."""

    def series(self) -> SeriesBlock | None:
        """Return the frames since the last call, if any; called after every block, and once more after `result`."""


@runtime_checkable
class AttachmentSource(Protocol):
    """What an accumulator has besides, when it makes something that is neither a measure nor a series."""

    @property
    def media_type(self) -> str:
        """What the bytes are."""

    def attachment(self) -> Iterable[bytes] | None:
        """Return what is stored beside the manifest piece by piece, if anything; called once, after `result`."""


@runtime_checkable
class OptIn(Protocol):
    """What an extractor has besides, when it is off until the operator names it in a setting."""

    @property
    def licence(self) -> str:
        """The terms of what it computes with; whoever is offered the extractor or reads its results sees them."""

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that it needs and the service does not; the manifest names their versions."""

    def prepare(self) -> None:
        """Load what takes long; called before the first job."""


class Extractor(Protocol):
    """A family of measures; `version` changes whenever any of its values could.

    An extractor is a frozen dataclass whose fields are its settings, each with a default. A reader may set any of
    them within the bounds of its annotation, for example `Annotated[float, Field(gt=0)]`; what must not be set, but
    belongs to the record, is `field(default=…, init=False)`. Everything below but `parameters` is a `ClassVar`.
    """

    @property
    def name(self) -> str:
        """Stable, snake_case; results are stored under it."""

    @property
    def version(self) -> str:
        """Stored beside every result."""

    @property
    def description(self) -> str:
        """One sentence for people who choose extractors."""

    @property
    def needs(self) -> Input:
        """The form of the recording that it reads, computed once for everybody."""

    @property
    def device(self) -> Device:
        """Where it computes."""

    @property
    def cost_per_audio_s(self) -> float:
        """CPU seconds per second of one channel at 44.1 kHz, as measured by `tests.benchmarks.extractor_costs`."""

    @property
    def parameters(self) -> dict[str, object]:
        """Everything that the values depend on, besides the recording and the version."""

    def accumulator(self, *, rate_hz: int, channels: int) -> Accumulator:
        """Start on a recording."""
