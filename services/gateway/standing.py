"""Where recordings and their tasks stand for readers: what documents say, and what was done to the work since."""

from typing import TypeVar

from contracts.documents import RecordingDocument, TaskDocument
from contracts.vocabulary import State

T = TypeVar("T", bound=TaskDocument)


def shown(recording: RecordingDocument, task: T) -> T:
    """Return a task as it stands, though its worker may not have seen yet that it was cancelled or is to be retried."""
    announced_at = task.announced_at or task.created_at
    state = recording.interventions.shown(task.state, announced_at, task.completed_at)
    return task.model_copy(update={"state": state})


def unstarted(recording: RecordingDocument) -> State:
    """Return where work stands that a recording's upload asked for, and nobody has begun."""
    if recording.state is State.FAILED:
        return State.SKIPPED
    return State.CANCELLED if recording.interventions.cancels(recording.uploaded_at) else State.QUEUED


def standing(recording: State, *tasks: State | None) -> State:
    """Return one word for the whole: `partial` when some of it failed, `processing` as soon as anything began.

    tasks  None: nobody has begun
    """
    if recording is State.FAILED:
        return State.FAILED
    states = {state or State.QUEUED for state in tasks}
    if len(states) == 1:
        return states.pop()
    return State.PARTIAL if all(state.is_terminal for state in states) else State.PROCESSING


def has_failed(recording: State, *tasks: State | None) -> bool:
    """Tell whether anything failed: the recording was refused, a task failed, or a part of one."""
    return State.FAILED in (recording, *tasks) or State.PARTIAL in tasks
