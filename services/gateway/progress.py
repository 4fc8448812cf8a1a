"""How far tasks are, as this replica heard last; progress is never stored."""

from contracts.documents import TaskDocument
from contracts.events import Event, TaskProgressed
from contracts.vocabulary import State

# A task that is not among the last ones heard of has ended long ago, or its worker died.
KEPT_TASKS = 10_000

Key = tuple[str, str | None]


class ProgressBoard:
    """The share done of each task that was heard of lately."""

    def __init__(self, kept: int = KEPT_TASKS) -> None:
        self._kept = kept
        self._shares: dict[Key, float] = {}

    def note(self, event: Event) -> None:
        """Keep what an event says of a task's progress, if it says anything."""
        if not isinstance(event, TaskProgressed):
            return
        key = (event.recording_id, event.parameters_id)
        self._shares.pop(key, None)
        self._shares[key] = event.progress
        if len(self._shares) > self._kept:
            del self._shares[next(iter(self._shares))]

    def of(self, task: TaskDocument) -> float | None:
        """Return the share done of a task that is being worked on, None where nothing was heard of it."""
        if task.state is not State.PROCESSING:
            return None
        return self._shares.get((task.recording_id, task.parameters_id))
