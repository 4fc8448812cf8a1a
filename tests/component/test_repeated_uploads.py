"""The same bytes again, or the same idempotency key, are the same recording; other bytes under that key are refused."""

import asyncio
from datetime import UTC, datetime

import pytest

from chassis.documents import Database
from chassis.objects import ObjectStore
from contracts.documents import ANALYSES, SPECTROGRAMS
from contracts.objects import audio_key
from contracts.vocabulary import State
from services.ingest.upload_keys import KeyReusedError
from services.ingest.uploads import RejectedError, UploadDesk

from .stored import stored_keys, stored_recordings
from .uploading import upload_of, wav

pytestmark = pytest.mark.servers


async def test_the_same_bytes_again_are_the_same_recording(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    first = await desk.accept(upload_of(wav()))

    again = await desk.accept(upload_of(wav(), name="another name.wav"))

    assert (again.recording_id, again.duplicate) == (first.recording_id, True)
    assert len(await stored_recordings(database)) == 1
    assert await stored_keys(objects) == [audio_key(first.recording_id)]


async def test_the_same_bytes_in_another_project_are_another_recording(desk: UploadDesk) -> None:
    first = await desk.accept(upload_of(wav()))

    other = await desk.accept(upload_of(wav(), project_id="another"))

    assert (other.duplicate, other.recording_id != first.recording_id) == (False, True)


async def test_the_same_bytes_are_tried_again_after_everything_about_them_failed(
    desk: UploadDesk, database: Database
) -> None:
    first = await desk.accept(upload_of(wav()))
    await _end_tasks(database, first.recording_id, spectrogram=State.FAILED, analysis=State.FAILED)

    second = await desk.accept(upload_of(wav()))
    third = await desk.accept(upload_of(wav()))

    assert (second.duplicate, second.recording_id != first.recording_id) == (False, True)
    assert (third.duplicate, third.recording_id) == (True, second.recording_id)


@pytest.mark.parametrize("analysis", [State.COMPLETED, State.PROCESSING])
async def test_a_recording_of_which_something_came_is_not_tried_again(
    desk: UploadDesk, database: Database, analysis: State
) -> None:
    first = await desk.accept(upload_of(wav()))
    await _end_tasks(database, first.recording_id, spectrogram=State.FAILED, analysis=analysis)

    assert (await desk.accept(upload_of(wav()))).duplicate


async def test_of_the_same_bytes_at_once_one_is_the_recording_and_no_object_is_orphaned(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    results = await asyncio.gather(*(desk.accept(upload_of(wav())) for _ in range(3)))

    [document] = await stored_recordings(database)
    assert {result.recording_id for result in results} == {document.id}
    assert sorted(result.duplicate for result in results) == [False, True, True]
    assert await stored_keys(objects) == [audio_key(document.id)]


async def test_the_same_key_and_bytes_are_answered_the_same(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    first = await desk.accept(upload_of(wav(), idempotency_key="one"))

    again = await desk.accept(upload_of(wav(), idempotency_key="one"))
    without = await desk.accept(upload_of(wav()))

    assert again == first
    assert (without.recording_id, without.duplicate) == (first.recording_id, True)
    assert await stored_keys(objects) == [audio_key(first.recording_id)]


async def test_a_key_for_other_bytes_is_refused_and_leaves_nothing_behind(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    first = await desk.accept(upload_of(wav(), idempotency_key="one"))

    with pytest.raises(KeyReusedError):
        await desk.accept(upload_of(wav(duration_s=2), idempotency_key="one"))
    elsewhere = await desk.accept(upload_of(wav(duration_s=2), idempotency_key="one", project_id="another"))

    assert not elsewhere.duplicate
    assert sorted(await stored_keys(objects)) == sorted(
        audio_key(each) for each in (first.recording_id, elsewhere.recording_id)
    )


async def test_a_key_whose_upload_failed_is_good_for_the_next_try(desk: UploadDesk) -> None:
    with pytest.raises(RejectedError):
        await desk.accept(upload_of(wav()[:44], idempotency_key="one"))
    with pytest.raises(RejectedError):
        await desk.accept(upload_of(wav()[:44], idempotency_key="one"))


async def test_of_one_key_and_two_recordings_at_once_one_is_refused(desk: UploadDesk, database: Database) -> None:
    bodies = (wav(), wav(duration_s=2))
    results = await asyncio.gather(
        *(desk.accept(upload_of(body, idempotency_key="one")) for body in bodies), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in results) == ["Accepted", "KeyReusedError"]
    assert len(await stored_recordings(database)) == 1


async def _end_tasks(database: Database, recording_id: str, *, spectrogram: State, analysis: State) -> None:
    for collection, state in ((SPECTROGRAMS, spectrogram), (ANALYSES, analysis)):
        task = {"_id": f"{recording_id}/p", "recording_id": recording_id, "state": state, "at": datetime.now(UTC)}
        await database[collection].insert_one(task)
