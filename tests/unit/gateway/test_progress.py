from datetime import UTC, datetime

import pytest

from contracts.documents import TaskDocument
from contracts.events import RecordingDeleted, TaskProgressed
from contracts.vocabulary import Stage, State
from services.gateway.progress import ProgressBoard

ID = "0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_the_share_heard_last_is_shown() -> None:
    board = ProgressBoard()

    board.note(_progressed(0.2))
    board.note(_progressed(0.4))

    assert board.of(_task()) == 0.4


def test_each_task_of_a_recording_has_its_own_progress() -> None:
    board = ProgressBoard()

    board.note(_progressed(0.2, parameters_id="images"))
    board.note(_progressed(0.7, parameters_id="features"))

    assert board.of(_task(parameters_id="images")) == 0.2
    assert board.of(_task(parameters_id="features")) == 0.7
    assert board.of(_task(parameters_id="another way to see it")) is None


@pytest.mark.parametrize("state", [State.QUEUED, State.COMPLETED, State.PARTIAL, State.FAILED])
def test_what_nobody_works_on_makes_no_progress(state: State) -> None:
    board = ProgressBoard()
    board.note(_progressed(0.9))

    assert board.of(_task(state=state)) is None


def test_only_the_tasks_heard_of_lately_are_kept() -> None:
    board = ProgressBoard(kept=2)

    for parameters_id in ("a", "b", "a", "c"):
        board.note(_progressed(0.5, parameters_id=parameters_id))

    assert [board.of(_task(parameters_id=each)) for each in "abc"] == [0.5, None, 0.5]


def test_other_events_say_nothing_of_progress() -> None:
    board = ProgressBoard()

    board.note(RecordingDeleted(recording_id=ID, project_id="default", deleted_at=NOON))

    assert board.of(_task()) is None


def _progressed(share: float, *, parameters_id: str = "images") -> TaskProgressed:
    return TaskProgressed(
        recording_id=ID,
        project_id="default",
        task="spectrogram",
        parameters_id=parameters_id,
        stage=Stage.COMPUTE,
        progress=share,
    )


def _task(*, parameters_id: str = "images", state: State = State.PROCESSING) -> TaskDocument:
    return TaskDocument(
        id=f"{ID}/{parameters_id}",
        recording_id=ID,
        project_id="default",
        parameters_id=parameters_id,
        parameters={},
        state=state,
        created_at=NOON,
    )
