"""Uploads in parts that are given up, by their sender or by time."""

from datetime import UTC, datetime

import pytest

from chassis.documents import Database
from chassis.errors import ObjectStoreError
from chassis.objects import ObjectStore
from chassis.problems import ProblemError
from contracts.documents import UPLOADS
from contracts.objects import audio_key
from services.ingest.parts import PartDesk

from .part_uploads import body, order, put_parts, small_parts_desk
from .stored import stored_keys

pytestmark = pytest.mark.servers

__all__ = ["body", "small_parts_desk"]

_EXPIRED = {"$set": {"expires_at": datetime(2000, 1, 1, tzinfo=UTC)}}


async def test_what_is_given_up_leaves_nothing_behind(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await desk.begin(order(body))
    await put_parts(desk, document, body, [1])

    await desk.abort(document.id)

    with pytest.raises(ProblemError) as refusal:
        await desk.stored(document.id)
    assert refusal.value.status == 404
    assert await stored_keys(objects) == []
    assert (await objects._client.list_multipart_uploads(Bucket=objects._bucket)).get("Uploads", []) == []


async def test_what_nobody_completes_is_given_up_and_what_was_completed_stays(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    kept, left = await desk.begin(order(body)), await desk.begin(order(body))
    await put_parts(desk, kept, body, [1, 2, 3])
    await desk.complete(kept.id)
    await database[UPLOADS].update_many({}, _EXPIRED)

    await desk.give_up_expired()

    assert await database[UPLOADS].count_documents({}) == 0
    assert await objects.size_bytes(audio_key(kept.id)) == len(body)
    assert await stored_keys(objects) == [audio_key(kept.id)], left.id


async def test_what_s3_does_not_let_go_of_holds_up_nothing_else(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, left = await desk.begin(order(body)), await desk.begin(order(body))
    await database[UPLOADS].update_many({}, _EXPIRED)
    abort = objects.abort_parts

    async def abort_all_but_one(key: str, upload_id: str) -> None:
        if key == audio_key(held.id):
            raise ObjectStoreError("AbortMultipartUpload", key, "AccessDenied")
        await abort(key, upload_id)

    monkeypatch.setattr(objects, "abort_parts", abort_all_but_one)
    await desk.give_up_expired()

    assert [each["_id"] async for each in database[UPLOADS].find()] == [held.id], left.id
