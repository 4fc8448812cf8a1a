"""Nothing that a document names is ever removed, and everything else is."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.documents import Database
from chassis.errors import LeaseHeldError
from chassis.objects import ObjectStore
from chassis.outbox import outbox_entry
from chassis.storage import Storage
from chassis.sweeping import Sweeper, SweepRefusedError, SweepRules, SweepSettings
from chassis.task_naming import TaskNaming
from chassis.tasks import TaskStore
from contracts.documents import RECORDINGS, SPECTROGRAMS, UPLOADS
from contracts.envelope import envelop
from contracts.keeping import SWEEP_LOCKS
from contracts.objects import audio_key
from contracts.vocabulary import State
from services.ingest.sweeping import AudioNaming

from .consumers import EVENT
from .stored import add_recording, add_task

pytestmark = pytest.mark.servers

ONE, TWO = (f"{n}" * 8 + "-0000-0000-0000-000000000000" for n in (1, 2))
# Every object is old enough at once.
NO_GRACE_S = -60.0
PREFIXES = ("spectrograms/", "tiles/")
ENTRY = outbox_entry(envelop(EVENT, source="test", id_="e1"))


async def test_of_audio_only_what_a_recording_or_an_upload_names_stays(
    database: Database, objects: ObjectStore
) -> None:
    await add_recording(database, "here", object_key=audio_key("here"))
    await add_recording(database, "refused", object_key=None, state=State.FAILED)
    await database[UPLOADS].insert_one({"_id": "coming", "store_upload_id": "x"})
    for name in ("here", "refused", "coming", "left"):
        await objects.put(audio_key(name), b"audio", "audio/wav")
    await objects.put("inbox/field/theirs.wav", b"audio", "audio/wav")
    await objects.put("audio/here/something", b"else", "audio/wav")

    swept = await _audio_sweeper(database, objects).sweep()

    assert swept == 3
    assert await _keys(objects) == {audio_key("here"), audio_key("coming"), "inbox/field/theirs.wav"}


async def test_what_is_young_is_left_alone(database: Database, objects: ObjectStore) -> None:
    await objects.put(audio_key("being-taken-in"), b"audio", "audio/wav")
    await objects.begin_parts(audio_key("being-sent"))

    assert await _audio_sweeper(database, objects, grace_s=3600).sweep() == 0

    assert await _keys(objects) == {audio_key("being-taken-in")}
    assert len(await objects.unfinished("audio/")) == 1


async def test_parts_that_nobody_will_complete_are_forgotten(database: Database, objects: ObjectStore) -> None:
    expected, left = [await objects.begin_parts(audio_key(name)) for name in ("expected", "left")]
    await database[UPLOADS].insert_one({"_id": "expected", "store_upload_id": expected})

    await _audio_sweeper(database, objects).sweep()

    assert [each.upload_id for each in await objects.unfinished("audio/")] == [expected]
    assert left != expected


async def test_what_a_recording_left_behind_goes_with_it(database: Database, objects: ObjectStore) -> None:
    for recording_id in (ONE, TWO):
        await add_task(database, SPECTROGRAMS, recording_id, state=State.COMPLETED, images={"a": _image(recording_id)})
        for key in (_image(recording_id)["key"], f"tiles/{recording_id}/p/0-0.png"):
            await objects.put(key, b"png", "image/png")
    await add_recording(database, TWO)

    await _sweeper(database, objects).sweep()

    assert {raw["recording_id"] async for raw in database[SPECTROGRAMS].find()} == {TWO}
    assert await _keys(objects) == {_image(TWO)["key"], f"tiles/{TWO}/p/0-0.png"}


@pytest.mark.parametrize("state", [State.QUEUED, State.PROCESSING])
async def test_what_a_running_task_may_be_about_to_name_stays(
    database: Database, objects: ObjectStore, state: State
) -> None:
    await add_recording(database, ONE)
    await add_task(database, SPECTROGRAMS, ONE, state=state)
    await objects.put(_image(ONE)["key"], b"png", "image/png")

    assert await _sweeper(database, objects).sweep() == 0


async def test_a_task_is_not_begun_while_its_recording_is_swept_and_loses_no_attempt(
    database: Database, objects: ObjectStore
) -> None:
    await add_recording(database, ONE)
    tasks, naming = TaskStore(database[SPECTROGRAMS], 15), _naming(database, objects)

    async with naming.held(ONE, ["spectrograms/x"]):
        with pytest.raises(LeaseHeldError):
            await tasks.claim(f"{ONE}/p", {"recording_id": ONE})
    claim = await tasks.claim(f"{ONE}/p", {"recording_id": ONE})

    assert claim is not None
    assert (claim.attempts, await database[SWEEP_LOCKS].count_documents({})) == (1, 0)


async def test_a_task_that_was_claimed_before_the_lock_keeps_its_objects(
    database: Database, objects: ObjectStore
) -> None:
    await add_recording(database, ONE)
    await TaskStore(database[SPECTROGRAMS], 15).claim(f"{ONE}/p", {"recording_id": ONE})

    async with _naming(database, objects).held(ONE, [_image(ONE)["key"]]) as removable:
        assert await removable() == frozenset()


async def test_of_two_that_sweep_a_recording_one_removes(database: Database, objects: ObjectStore) -> None:
    await add_recording(database, ONE)
    naming, keys = _naming(database, objects), [_image(ONE)["key"]]

    async with naming.held(ONE, keys) as first, naming.held(ONE, keys) as second:
        assert (await first(), await second()) == (frozenset(keys), frozenset())


async def test_a_database_that_knows_nearly_nothing_is_more_likely_the_wrong_one(
    database: Database, objects: ObjectStore
) -> None:
    await asyncio.gather(*(objects.put(audio_key(f"{n:03}"), b"", "audio/wav") for n in range(100)))

    with pytest.raises(SweepRefusedError):
        await _audio_sweeper(database, objects).sweep()

    assert len(await _keys(objects)) == 100


async def test_one_replica_has_the_turn_until_the_next_is_due(database: Database) -> None:
    storages = [Storage(database, "spectrogram") for _ in range(5)]

    first = await asyncio.gather(*(each.takes_turn(timedelta(hours=1)) for each in storages))
    others = [await Storage(database, "analysis").takes_turn(timedelta(0)) for _ in range(2)]

    assert sorted(first) == [False, False, False, False, True]
    assert others == [True, True]


async def test_a_sweep_counts_what_is_there(database: Database, objects: ObjectStore) -> None:
    await add_recording(database, ONE, object_key=audio_key(ONE))
    await objects.put(audio_key(ONE), b"12345", "audio/wav")
    storage = Storage(database, "ingest")
    await storage.add(1000)

    await _audio_sweeper(database, objects).sweep()
    await Storage(database, "spectrogram").add(7)

    assert await storage.stored_bytes() == 12


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_in_between_nothing_named_is_removed_and_in_the_end_nothing_else_is_left(
    database: Database, objects: ObjectStore, seed: int
) -> None:
    chance = random.Random(seed)
    halting = Halting(objects, chance)
    tasks = TaskStore(database[SPECTROGRAMS], 0.2)
    recordings = [f"{n:08}-0000-0000-0000-000000000000" for n in range(2)]
    for recording_id in recordings:
        await add_recording(database, recording_id)

    async def works() -> None:
        for _ in range(25):
            await _attempt(tasks, halting, database, chance.choice(recordings), chance)

    async def sweeps() -> None:
        while not working.done():
            await _sweeper(database, halting).sweep()

    working = asyncio.gather(works(), works(), works())
    await asyncio.gather(working, sweeps(), sweeps())
    lost = await _named(database) - await _keys(objects)
    await database[SPECTROGRAMS].update_many({"state": {"$in": ["queued", "processing"]}}, {"$set": _FAILED})
    await database[RECORDINGS].delete_one({"_id": recordings[0]})
    await _sweeper(database, objects).sweep()

    assert lost == set()
    assert await _keys(objects) == await _named(database)


_FAILED = {"state": State.FAILED, "lease_until": None, "completed_at": datetime.now(UTC)}


class Halting(ObjectStore):
    """A store that takes its time, so that others come in between."""

    def __init__(self, objects: ObjectStore, chance: random.Random) -> None:
        self.__dict__.update(vars(objects))
        self._chance = chance

    async def put(self, key: str, body: bytes, content_type: str) -> None:
        await super().put(key, body, content_type)
        await asyncio.sleep(self._chance.choice([0, 0.02]))

    async def delete(self, key: str) -> None:
        await asyncio.sleep(self._chance.choice([0, 0.05]))
        await super().delete(key)


async def _attempt(
    tasks: TaskStore, objects: ObjectStore, database: Database, recording_id: str, chance: random.Random
) -> None:
    """Work as a worker does, and perhaps die of it; now and then somebody asks for what failed again."""
    parameters_id = chance.choice(["a", "b"])
    key = f"spectrograms/{recording_id}/{parameters_id}/standard.png"
    if chance.random() < 0.5:
        await database[RECORDINGS].update_one({"_id": recording_id}, {"$currentDate": {"retried_at": True}})
    facts = {"recording_id": recording_id, "created_at": datetime.now(UTC) - timedelta(days=1)}
    try:
        claim = await tasks.claim(f"{recording_id}/{parameters_id}", facts)
    except LeaseHeldError:
        await asyncio.sleep(0.01)
        return
    if claim is None:
        return
    await objects.put(key, b"png", "image/png")
    if (end := chance.random()) < 0.1:
        return
    done = end < 0.4
    fields = {"images": {"standard": {"key": key}}} if done else {}
    state = State.COMPLETED if done else State.FAILED
    await tasks.finalize(claim, state=state, fields=fields, outbox=ENTRY)


async def _named(database: Database) -> set[str]:
    ended = database[SPECTROGRAMS].find({"images": {"$exists": True}})
    return {raw["images"]["standard"]["key"] async for raw in ended}


def _naming(database: Database, objects: ObjectStore, grace_s: float = NO_GRACE_S) -> TaskNaming:
    return TaskNaming(database, SPECTROGRAMS, objects, PREFIXES, SweepRules(timedelta(seconds=grace_s), 0.5))


def _sweeper(database: Database, objects: ObjectStore) -> Sweeper:
    return Sweeper(objects, Storage(database, "spectrogram"), _naming(database, objects), _settings(NO_GRACE_S))


def _audio_sweeper(database: Database, objects: ObjectStore, grace_s: float = NO_GRACE_S) -> Sweeper:
    return Sweeper(objects, Storage(database, "ingest"), AudioNaming(database), _settings(grace_s))


def _settings(grace_s: float) -> SweepSettings:
    servers: Any = dict.fromkeys(("amqp_url", "mongodb_url", "s3_access_key_id", "s3_secret_access_key"), "unused")
    return SweepSettings(sweep_grace_s=grace_s, **servers)


def _image(recording_id: str) -> dict[str, str]:
    return {"key": f"spectrograms/{recording_id}/p/standard.png"}


async def _keys(objects: ObjectStore) -> set[str]:
    return {each.key async for page in objects.pages("") for each in page}
