"""What an extractor is."""

from typing import Protocol

from services.analysis.measures import Payload
from services.analysis.shared import Input, SharedBlock


class Accumulator(Protocol):
    """One extractor at work on one recording, in memory that the recording's length does not decide."""

    def add(self, block: SharedBlock) -> None:
        """Take the next block."""

    def result(self) -> Payload:
        """Return the measures of everything taken; called once, at the end."""


class Extractor(Protocol):
    """A family of measures; `version` changes whenever any of its values could."""

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
    def parameters(self) -> dict[str, object]:
        """Everything that the values depend on, besides the recording and the version."""

    def accumulator(self, *, rate_hz: int, channels: int) -> Accumulator:
        """Start on a recording."""
