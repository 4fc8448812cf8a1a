"""The search over real servers: analyses are taken in, and found by features, by vectors and by their sound."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from chassis.documents import Database
from chassis.objects import ObjectStore
from chassis.problems import ProblemError
from contracts.documents import (
    ANALYSES,
    EMBEDDING_DIMENSIONS,
    FINGERPRINTS,
    RECORDINGS,
    SEARCH,
    SEARCH_PROGRESS,
    SearchDocument,
)
from contracts.events import AnalysisCompleted
from contracts.fingerprint import MEDIA_TYPE
from contracts.vocabulary import Role, State
from services.analysis.landmarks import Integers, fingerprint_header
from services.gateway.features import conditions, order
from services.gateway.finding import Finder
from services.gateway.indexer import SearchIndexer
from services.gateway.keys import Caller
from services.gateway.listing import Listing, Wanted
from services.gateway.reads import Reads
from services.gateway.searchables import Searchables
from services.gateway.vectors import MappedVectors, VectorQuery

from .polling import eventually

pytestmark = pytest.mark.servers

ANNA = Caller("anna", {"field": Role.OWNER, "lab": Role.OWNER})
BERT = Caller("bert", {"music": Role.OWNER})
Vector = NDArray[np.float32]

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def vectors() -> Iterator[MappedVectors]:
    """An empty index."""
    made = MappedVectors()
    yield made
    made.close()


@pytest_asyncio.fixture
async def searchables(database: Database) -> AsyncIterator[Searchables]:
    """The collections of the search, empty."""
    made = Searchables(database)
    await made.prepare()
    yield made


@pytest.fixture
def indexer(
    database: Database, objects: ObjectStore, searchables: Searchables, vectors: MappedVectors
) -> SearchIndexer:
    """An indexer that nobody runs yet, and that would look by itself once an hour."""
    return SearchIndexer(database, objects, searchables, vectors, poll_s=3600)


@pytest.fixture
def finder(
    database: Database,
    objects: ObjectStore,
    searchables: Searchables,
    vectors: MappedVectors,
    indexer: SearchIndexer,
) -> Finder:
    """A finder over all of it."""
    return Finder(Reads(database), objects, searchables, vectors, indexer)


async def test_recordings_are_found_by_ranges_of_their_features(
    database: Database, indexer: SearchIndexer, searchables: Searchables
) -> None:
    for number in range(6):
        await add(database, f"r{number}", bpm=60.0 + 20 * number, health="green" if number % 2 else "amber")
    await indexer.sweep(BEGINNING)

    assert await listed(searchables, where=["tempo.bpm:80..120"]) == ["r3", "r2", "r1"]
    assert await listed(searchables, where=["tempo.bpm:100.."], sort="tempo.bpm") == ["r2", "r3", "r4", "r5"]
    assert await listed(searchables, where=["tempo.bpm:..120", "quality.health:green"]) == ["r3", "r1"]
    assert await listed(searchables, where=["tempo.bpm:70..150", "tempo.bpm:..90"]) == ["r1"]
    assert await listed(searchables, where=["tempo.nothing:0.."]) == []


async def test_recordings_are_sorted_by_any_feature_and_those_without_it_left_out(
    database: Database, indexer: SearchIndexer, searchables: Searchables
) -> None:
    for name, bpm in (("slow", 60.0), ("fast", 180.0), ("middle", 120.0)):
        await add(database, name, bpm=bpm)
    await add(database, "without", bpm=None)
    await indexer.sweep(BEGINNING)

    lines, _ = await listing(searchables).page(ANNA, Wanted(order=order("-tempo.bpm")), None, 10)

    assert [line.recording_id for line in lines] == ["fast", "middle", "slow"]
    assert [line.features for line in lines] == [{"tempo.bpm": 180.0}, {"tempo.bpm": 120.0}, {"tempo.bpm": 60.0}]
    assert "without" in await listed(searchables, where=["quality.health:green"])


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
@pytest.mark.parametrize("sort", ["tempo.bpm", "-tempo.bpm", "uploaded_at", "-uploaded_at", "quality.health"])
async def test_paging_visits_every_recording_once_whatever_the_order(
    database: Database, indexer: SearchIndexer, searchables: Searchables, sort: str, limit: int
) -> None:
    for number in range(7):
        await add(database, f"r{number}", bpm=float(number // 3))
    await indexer.sweep(BEGINNING)

    assert sorted(await listed(searchables, sort=sort, limit=limit)) == [f"r{number}" for number in range(7)]


@pytest.mark.parametrize("cursor", ["", "nonsense", "é", "WzFd", "e30=", "bnVsbA=="])
async def test_a_cursor_of_another_list_is_refused(searchables: Searchables, cursor: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        await listing(searchables).page(ANNA, Wanted(order=order("tempo.bpm")), cursor, 10)

    assert (refusal.value.status, refusal.value.code) == (400, "bad_cursor")


async def test_nothing_of_somebody_elses_projects_is_found_in_any_way(
    database: Database, objects: ObjectStore, indexer: SearchIndexer, searchables: Searchables, finder: Finder
) -> None:
    sound = landmarks(1)
    await add(database, "mine", vector=direction(1), sound=await stored(objects, "mine", sound))
    for name, project_id in (("lab", "lab"), ("theirs", "music")):
        key = await stored(objects, name, sound)
        await add(database, name, project_id=project_id, vector=direction(1), sound=key)
    await loaded(indexer)

    assert sorted(await listed(searchables, sort="tempo.bpm")) == ["lab", "mine"]
    assert sorted(await listed(searchables, where=["tempo.bpm:0.."])) == ["lab", "mine"]
    assert await listed(searchables, where=["tempo.bpm:0.."], caller=BERT) == ["theirs"]
    assert await similar(finder, direction(1)) == ["lab", "mine"]
    assert await similar(finder, direction(1), where=["tempo.bpm:0.."]) == ["lab", "mine"]
    assert await similar(finder, direction(1), caller=BERT) == ["theirs"]
    assert await sharing(finder, "mine") == ["lab"]
    assert await sharing(finder, "theirs", caller=BERT) == []


async def test_the_recordings_nearest_to_one_are_found_and_itself_is_not(
    database: Database, indexer: SearchIndexer, finder: Finder
) -> None:
    one, other = direction(1), direction(2)
    mixes = {"self": one, "near": one + 0.1 * other, "far": one + other, "across": other}
    for name, vector in mixes.items():
        await add(database, name, vector=vector)
    await add(database, "without")
    await loaded(indexer)

    assert await similar(finder, one, but_for="self") == ["near", "far", "across"]
    assert await similar(finder, one, but_for="self", limit=1) == ["near"]


async def test_the_nearest_that_meet_conditions_are_found_however_far_away(
    database: Database, indexer: SearchIndexer, finder: Finder
) -> None:
    one, other = direction(1), direction(2)
    for number in range(300):
        await add(database, f"near{number:03}", vector=one + 0.001 * number * other, bpm=60.0)
    await add(database, "far", vector=other, bpm=120.0)
    await loaded(indexer)

    neighbours = await finder.similar(ANNA, query(one, 10), conditions(["tempo.bpm:100.."]), but_for=None)

    assert [each.found.recording.id for each in neighbours.items] == ["far"]
    assert neighbours.complete


async def test_until_the_vectors_are_loaded_the_answer_is_503(finder: Finder) -> None:
    with pytest.raises(ProblemError) as refusal:
        await similar(finder, direction(1))

    assert (refusal.value.status, refusal.value.code) == (503, "search_loading")
    assert refusal.value.headers["Retry-After"]


async def test_a_recording_that_holds_the_same_sound_is_found_with_the_place(
    database: Database, objects: ObjectStore, indexer: SearchIndexer, finder: Finder
) -> None:
    frame, heard = landmarks(1)
    part = (frame[300:700] - frame[300], heard[300:700])
    for name, sound in {"whole": (frame, heard), "part": part, "other": landmarks(2)}.items():
        await add(database, name, sound=await stored(objects, name, sound))
    await loaded(indexer)

    [found] = await finder.sharing(ANNA, "part", "key/part", 10)

    [interval] = found.intervals
    assert found.found.recording.id == "whole"
    assert interval.start_s == 0
    assert interval.other_start_s == pytest.approx(frame[300] * 512 / 22_050)
    assert interval.share == 1


async def test_an_event_makes_an_analysis_findable_at_once(
    database: Database, indexer: SearchIndexer, finder: Finder
) -> None:
    async with running(indexer):
        await eventually(lambda: true_when(indexer.is_loaded))
        await add(database, "late", vector=direction(1))

        indexer.note(completed("late"))

        await eventually(lambda: similar(finder, direction(1)))


async def test_an_analysis_that_no_event_told_of_is_found_after_a_while(
    database: Database, objects: ObjectStore, searchables: Searchables, vectors: MappedVectors
) -> None:
    indexer = SearchIndexer(database, objects, searchables, vectors, poll_s=0.05)
    finder = Finder(Reads(database), objects, searchables, vectors, indexer)
    async with running(indexer):
        await eventually(lambda: true_when(indexer.is_loaded))

        await add(database, "silent", vector=direction(1))

        await eventually(lambda: similar(finder, direction(1)))


async def test_a_later_analysis_takes_the_place_of_an_earlier_one_and_never_the_other_way_round(
    database: Database, indexer: SearchIndexer, searchables: Searchables, finder: Finder
) -> None:
    await add(database, "one", bpm=60.0, vector=direction(1))
    await loaded(indexer)
    old = await database[SEARCH].find_one({"_id": "one"})

    await add_analysis(database, "one", "again", NOON + timedelta(hours=1), bpm=90.0, vector=None)
    await indexer.take(["one"])

    assert await listed(searchables, where=["tempo.bpm:90"]) == ["one"]
    assert await similar(finder, direction(1)) == []
    await searchables.keep(SearchDocument.model_validate(old))
    assert await listed(searchables, where=["tempo.bpm:90"]) == ["one"]


async def test_a_lost_index_is_made_again_from_the_analyses(
    database: Database, objects: ObjectStore, searchables: Searchables, indexer: SearchIndexer, vectors: MappedVectors
) -> None:
    await add(database, "one", vector=direction(1), sound=await stored(objects, "one", landmarks(1)))
    await loaded(indexer)
    for name in (SEARCH, FINGERPRINTS, SEARCH_PROGRESS):
        await database[name].drop()

    again = MappedVectors()
    await loaded(SearchIndexer(database, objects, searchables, again, poll_s=3600))

    assert [each.recording_id for each in await again.nearest(query(direction(1), 10))] == ["one"]
    assert await database[FINGERPRINTS].count_documents({}) == 1
    again.close()


async def test_a_document_of_an_earlier_form_is_made_anew(
    database: Database,
    objects: ObjectStore,
    searchables: Searchables,
    vectors: MappedVectors,
    indexer: SearchIndexer,
) -> None:
    await add(database, "one", bpm=60.0)
    await loaded(indexer)
    await database[SEARCH].update_one({"_id": "one"}, {"$set": {"form": 0, "features": {}}})

    await loaded(SearchIndexer(database, objects, searchables, vectors, poll_s=3600))

    assert await listed(searchables, where=["tempo.bpm:60"]) == ["one"]


async def test_a_fingerprint_that_cannot_be_read_keeps_nothing_else_from_being_found(
    database: Database, objects: ObjectStore, searchables: Searchables, indexer: SearchIndexer
) -> None:
    await objects.put("key/broken", b"RIFF", MEDIA_TYPE)
    await add(database, "broken", sound="key/broken")
    await add(database, "missing", sound="key/missing")

    await loaded(indexer)

    assert await listed(searchables, sort="tempo.bpm") == ["broken", "missing"]
    assert await database[FINGERPRINTS].count_documents({}) == 0


@asynccontextmanager
async def running(indexer: SearchIndexer) -> AsyncIterator[None]:
    task = asyncio.create_task(indexer.run())
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def loaded(indexer: SearchIndexer) -> None:
    """Let an indexer begin, and stop it once it has taken everything."""
    async with running(indexer):
        await eventually(lambda: true_when(indexer.is_loaded))


async def true_when(holds: bool) -> bool:
    return holds


def completed(recording_id: str) -> AnalysisCompleted:
    return AnalysisCompleted.model_construct(recording_id=recording_id)


async def test_what_is_deleted_is_found_no_more_and_what_is_restored_is_found_again(
    database: Database, objects: ObjectStore, indexer: SearchIndexer, searchables: Searchables, finder: Finder
) -> None:
    for name in ("gone", "here"):
        sound = await stored(objects, name, landmarks(1))
        await add(database, name, vector=direction(1), bpm=90.0, sound=sound)
    await loaded(indexer)

    await database[RECORDINGS].update_one({"_id": "gone"}, {"$set": {"deleted_at": NOON, "deletion_changed_at": NOON}})
    at_once = await listed(searchables, sort="tempo.bpm"), await similar(finder, direction(1))
    until = await indexer.sweep(BEGINNING)
    forgotten = [raw["_id"] async for raw in database[SEARCH].find()], await database[FINGERPRINTS].count_documents({})
    later = NOON + timedelta(days=400)
    restored = {"deleted_at": None, "deletion_changed_at": later}
    await database[RECORDINGS].update_one({"_id": "gone"}, {"$set": restored})
    await indexer.sweep(until)

    assert at_once[0] == ["here"]
    assert at_once[1] == ["here"]
    assert forgotten == (["here"], 1)
    assert sorted(await listed(searchables, sort="tempo.bpm")) == ["gone", "here"]
    assert len(await similar(finder, direction(1))) == 2


def listing(searchables: Searchables) -> Listing:
    """Return the list over the same database."""
    database = searchables._search.database
    return Listing(database, Reads(database))


async def listed(
    searchables: Searchables,
    *,
    where: Sequence[str] = (),
    sort: str | None = None,
    limit: int = 50,
    caller: Caller = ANNA,
) -> list[str]:
    """Return the ids of all pages."""
    ids: list[str] = []
    cursor: str | None = None
    for _ in range(100):
        wanted = Wanted(conditions=conditions(where), order=order(sort))
        lines, cursor = await listing(searchables).page(caller, wanted, cursor, limit)
        assert len(lines) <= limit
        ids += [line.recording_id for line in lines]
        if cursor is None:
            return ids
    pytest.fail("paging does not end")


async def similar(
    finder: Finder,
    vector: Vector,
    *,
    where: Sequence[str] = (),
    limit: int = 10,
    but_for: str | None = None,
    caller: Caller = ANNA,
) -> list[str]:
    asked = query(vector, limit, caller)
    neighbours = await finder.similar(caller, asked, conditions(where), but_for=but_for)
    return [each.found.recording.id for each in neighbours.items]


async def sharing(finder: Finder, recording_id: str, *, caller: Caller = ANNA) -> list[str]:
    found = await finder.sharing(caller, recording_id, f"key/{recording_id}", 10)
    return [each.found.recording.id for each in found]


def query(vector: Vector, limit: int, caller: Caller = ANNA) -> VectorQuery:
    return VectorQuery(unit(vector), "1", caller.project_ids, limit)


def direction(seed: int) -> Vector:
    return unit(np.random.default_rng(seed).standard_normal(EMBEDDING_DIMENSIONS))


def unit(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def landmarks(seed: int) -> tuple[Integers, Integers]:
    random = np.random.default_rng(seed)
    return np.arange(1000, dtype=np.int32) * 3, random.integers(0, 1 << 24, 1000, dtype=np.int32)


async def stored(objects: ObjectStore, name: str, sound: tuple[Integers, Integers]) -> str:
    """Put landmarks where an analysis would have, and return the key."""
    key = f"key/{name}"
    content = fingerprint_header(len(sound[0]), 22_050) + np.stack(sound, axis=1).astype("<u4").tobytes()
    await objects.put(key, content, MEDIA_TYPE)
    return key


async def add(database: Database, name: str, *, project_id: str = "field", **facts: Any) -> None:
    document = {
        "_id": name,
        "project_id": project_id,
        "name": f"{name}.wav",
        "lane": "interactive",
        "state": State.COMPLETED,
        "sha256": "0" * 64,
        "size_bytes": 1000,
        "uploaded_at": NOON + timedelta(seconds=len(name) + ord(name[-1])),
        "trace_id": "f" * 32,
        "current": True,
        "outbox": [],
    }
    await database[RECORDINGS].insert_one(document)
    await add_analysis(database, name, "p", NOON, project_id=project_id, **facts)


async def add_analysis(
    database: Database,
    name: str,
    parameters_id: str,
    completed_at: datetime,
    *,
    project_id: str = "field",
    bpm: float | None = 100.0,
    health: str = "green",
    vector: Vector | None = None,
    sound: str | None = None,
) -> None:
    attachment = None if sound is None else {"uri": sound, "media_type": MEDIA_TYPE, "size_bytes": 8}
    values = None if vector is None else unit(vector).tolist()
    entries = [
        entry("tempo", {"bpm": {"value": bpm, "unit": "BPM", "reason": None if bpm else "no_onsets"}}),
        entry("quality", {"health": {"value": health, "unit": "colour", "reason": None}}),
        entry("embedding", {"vector": {"values": values, "unit": "1", "reason": None if values else "silent"}}),
        entry("fingerprint", {}) | {"attachment": attachment},
    ]
    task = {
        "_id": f"{name}/{parameters_id}",
        "recording_id": name,
        "project_id": project_id,
        "parameters_id": parameters_id,
        "parameters": {},
        "state": State.COMPLETED,
        "created_at": completed_at,
        "completed_at": completed_at,
        "manifest_key": "key",
        "extractors": entries,
    }
    await database[ANALYSES].insert_one(task)


def entry(name: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1", "success": True, "payload": payload, "error": None}
