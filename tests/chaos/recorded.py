"""What is recorded of a run: what clients did and heard, and what was there at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The parts of a request's answer that tell the client that the recording is safe.
ACKNOWLEDGED = (200, 202)
TASKS = ("spectrogram", "analysis")


@dataclass(frozen=True)
class Attempt:
    """One request; `status` is None where no answer came. `faults`: those that were there meanwhile."""

    began_s: float
    took_s: float
    status: int | None
    code: str | None = None
    recording_id: str | None = None
    faults: tuple[str, ...] = ()


@dataclass
class Upload:
    """One recording that a client wants to be taken; it repeats the request with the same key until it is."""

    key: str
    project: str
    content: str
    sha256: str
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def acknowledged(self) -> set[str]:
        """The ids that the client was told; one, if all is well."""
        return {each.recording_id for each in self.attempts if each.status in ACKNOWLEDGED and each.recording_id}

    @property
    def refusal(self) -> Attempt | None:
        """The answer that the recording is none, if that was the answer."""
        refused = (each for each in self.attempts if each.status is not None and 400 <= each.status < 500)
        return next((each for each in refused if each.status not in (408, 429)), None)

    @property
    def is_over(self) -> bool:
        return bool(self.acknowledged) or self.refusal is not None


@dataclass(frozen=True)
class Heard:
    """One message of the history stream."""

    event_id: str
    type: str
    recording_id: str
    time: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Stored:
    """One object; `text` where it is JSON."""

    sha256: str
    text: str | None = None


@dataclass(frozen=True)
class Observed:
    """Everything the checker looks at.

    documents    tasks by kind, as MongoDB has them
    reference    of contents by SHA-256: what comes of them when nothing fails
    deaths       services that ended though nobody killed them
    waiting      messages that are in queues still
    """

    uploads: tuple[Upload, ...]
    recordings: tuple[Mapping[str, Any], ...]
    documents: Mapping[str, tuple[Mapping[str, Any], ...]]
    heard: tuple[Heard, ...]
    objects: Mapping[str, Stored]
    reference: Mapping[str, Mapping[str, Any]]
    deaths: tuple[str, ...] = ()
    parked: int = 0
    waiting: int = 0
