"""One word for where a recording stands, from where its tasks stand."""

from contracts.vocabulary import State


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
