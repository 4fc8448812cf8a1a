"""Completing an upload in parts: again, at once with another, after a death or a failure in between."""

import asyncio
import hashlib

import pytest

from chassis.documents import Database
from chassis.errors import JobTimeoutError
from chassis.jobs import JobPool
from chassis.objects import ObjectStore
from chassis.problems import ProblemError
from contracts.documents import UPLOADS
from contracts.objects import audio_key
from contracts.vocabulary import Lane
from services.ingest.drafts import Received, Upload
from services.ingest.parts import PartDesk
from services.ingest.streams import nothing_more
from services.ingest.uploads import Accepted

from .part_uploads import begun_and_sent, body, part_desk, small_parts_desk
from .stored import stored_recordings

pytestmark = pytest.mark.servers

__all__ = ["body", "small_parts_desk"]


async def test_completing_again_is_answered_the_same_and_keeps_the_object(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await begun_and_sent(desk, body)
    first = await desk.complete(document.id)

    again = await desk.complete(document.id)
    # As after a death between the two documents.
    await database[UPLOADS].update_one({"_id": document.id}, {"$set": {"answer": None}})
    recovered = await desk.complete(document.id)

    assert first == again == recovered
    assert await objects.size_bytes(audio_key(document.id)) == len(body)
    assert len(await stored_recordings(database)) == 1


async def test_what_was_joined_by_somebody_who_died_is_completed_by_the_next(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await begun_and_sent(desk, body)
    await desk._join(document)

    assert (await desk.complete(document.id))["id"] == document.id


async def test_what_was_not_completed_for_a_passing_reason_is_when_it_is_asked_for_again(
    desk: PartDesk, database: Database, objects: ObjectStore, pool: JobPool, body: bytes
) -> None:
    document = await begun_and_sent(desk, body)

    with pytest.raises(JobTimeoutError):
        await part_desk(database, objects, pool, probe_timeout_s=0.001).complete(document.id)

    assert (await desk.complete(document.id))["id"] == document.id
    assert await objects.size_bytes(audio_key(document.id)) == len(body)


async def test_a_recording_that_is_settled_twice_keeps_its_object(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await begun_and_sent(desk, body)
    await desk._join(document)
    received = Received(hashlib.sha256(body).hexdigest(), len(body))
    upload = Upload("default", "night.wav", Lane.INTERACTIVE, nothing_more())

    # As two that complete the same upload, one of them after the other's time was over.
    answers = [await desk._desk.settle(document.id, upload, received, comes_again=True) for _ in range(2)]

    assert answers == 2 * [Accepted(document.id, duplicate=False)]
    assert await objects.size_bytes(audio_key(document.id)) == len(body)
    assert len(await stored_recordings(database)) == 1


async def test_an_upload_of_which_nothing_is_left_says_so(desk: PartDesk, objects: ObjectStore, body: bytes) -> None:
    document = await begun_and_sent(desk, body)
    # As after a death between the removal of a duplicate's bytes and its answer.
    await desk._join(document)
    await objects.delete(audio_key(document.id))

    with pytest.raises(ProblemError) as refusal:
        await desk.complete(document.id)

    assert (refusal.value.status, refusal.value.code) == (410, "upload_gone")


async def test_of_two_that_complete_at_once_one_is_told_to_wait(
    desk: PartDesk, database: Database, body: bytes
) -> None:
    document = await begun_and_sent(desk, body)

    results = await asyncio.gather(*(desk.complete(document.id) for _ in range(2)), return_exceptions=True)

    assert sorted(type(each).__name__ for each in results) == ["ProblemError", "dict"]
    [refusal] = [each for each in results if isinstance(each, ProblemError)]
    assert (refusal.status, refusal.code) == (409, "upload_completing")
    assert len(await stored_recordings(database)) == 1
