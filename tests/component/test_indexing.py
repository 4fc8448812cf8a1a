"""The index of the search follows the analyses over real servers: new, later, lost, unreadable and deleted ones."""

from datetime import timedelta

import pytest

from chassis.documents import Database
from chassis.objects import ObjectStore
from contracts.documents import FINGERPRINTS, RECORDINGS, SEARCH, SEARCH_PROGRESS, SearchDocument
from contracts.events import AnalysisCompleted
from contracts.fingerprint import MEDIA_TYPE
from services.gateway.finding import Finder
from services.gateway.indexer import SearchIndexer
from services.gateway.reads import Reads
from services.gateway.searchables import Searchables
from services.gateway.vectors import MappedVectors

from .analysed import add_analysed, add_analysis, direction, landmarks, stored_sound
from .polling import eventually
from .searching import BEGINNING, listed, loaded, query, running, similar
from .stored import NOON

pytestmark = pytest.mark.servers


async def test_an_event_makes_an_analysis_findable_at_once(
    database: Database, indexer: SearchIndexer, finder: Finder
) -> None:
    async with running(indexer):
        await add_analysed(database, "late", vector=direction(1))

        indexer.note(_completed("late"))

        await eventually(lambda: similar(finder, direction(1)))


async def test_an_analysis_that_no_event_told_of_is_found_after_a_while(
    database: Database, objects: ObjectStore, searchables: Searchables, vectors: MappedVectors
) -> None:
    indexer = SearchIndexer(database, objects, searchables, vectors, poll_s=0.05)
    finder = Finder(Reads(database), objects, searchables, vectors, indexer)
    async with running(indexer):
        await add_analysed(database, "silent", vector=direction(1))

        await eventually(lambda: similar(finder, direction(1)))


async def test_a_later_analysis_takes_the_place_of_an_earlier_one_and_never_the_other_way_round(
    database: Database, indexer: SearchIndexer, searchables: Searchables, finder: Finder
) -> None:
    await add_analysed(database, "one", bpm=60.0, vector=direction(1))
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
    await add_analysed(database, "one", vector=direction(1), sound=await stored_sound(objects, "one", landmarks(1)))
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
    await add_analysed(database, "one", bpm=60.0)
    await loaded(indexer)
    await database[SEARCH].update_one({"_id": "one"}, {"$set": {"form": 0, "features": {}}})

    await loaded(SearchIndexer(database, objects, searchables, vectors, poll_s=3600))

    assert await listed(searchables, where=["tempo.bpm:60"]) == ["one"]


async def test_a_fingerprint_that_cannot_be_read_keeps_nothing_else_from_being_found(
    database: Database, objects: ObjectStore, searchables: Searchables, indexer: SearchIndexer
) -> None:
    await objects.put("key/broken", b"RIFF", MEDIA_TYPE)
    await add_analysed(database, "broken", sound="key/broken")
    await add_analysed(database, "missing", sound="key/missing")

    await loaded(indexer)

    assert await listed(searchables, sort="tempo.bpm") == ["broken", "missing"]
    assert await database[FINGERPRINTS].count_documents({}) == 0


async def test_what_is_deleted_is_found_no_more_and_what_is_restored_is_found_again(
    database: Database, objects: ObjectStore, indexer: SearchIndexer, searchables: Searchables, finder: Finder
) -> None:
    for name in ("gone", "here"):
        sound = await stored_sound(objects, name, landmarks(1))
        await add_analysed(database, name, vector=direction(1), bpm=90.0, sound=sound)
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


def _completed(recording_id: str) -> AnalysisCompleted:
    return AnalysisCompleted.model_construct(recording_id=recording_id)
