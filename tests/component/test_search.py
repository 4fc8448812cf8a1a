"""Recordings are found over real servers: by ranges of features, by vectors and by their sound."""

import pytest

from chassis.documents import Database
from chassis.objects import ObjectStore
from chassis.problems import ProblemError
from contracts.vocabulary import Role
from services.gateway.features import conditions, order
from services.gateway.finding import Finder
from services.gateway.indexer import SearchIndexer
from services.gateway.keys import Caller
from services.gateway.listing import Wanted
from services.gateway.searchables import Searchables

from .analysed import add_analysed, direction, landmarks, stored_sound
from .searching import ANNA, BEGINNING, listed, listing, loaded, query, similar

pytestmark = pytest.mark.servers

BERT = Caller("bert", {"music": Role.OWNER})


async def test_recordings_are_found_by_ranges_of_their_features(
    database: Database, indexer: SearchIndexer, searchables: Searchables
) -> None:
    for number in range(6):
        await add_analysed(database, f"r{number}", bpm=60.0 + 20 * number, health="green" if number % 2 else "amber")
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
        await add_analysed(database, name, bpm=bpm)
    await add_analysed(database, "without", bpm=None)
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
        await add_analysed(database, f"r{number}", bpm=float(number // 3))
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
    await add_analysed(database, "mine", vector=direction(1), sound=await stored_sound(objects, "mine", sound))
    for name, project_id in (("lab", "lab"), ("theirs", "music")):
        key = await stored_sound(objects, name, sound)
        await add_analysed(database, name, project_id=project_id, vector=direction(1), sound=key)
    await loaded(indexer)

    assert sorted(await listed(searchables, sort="tempo.bpm")) == ["lab", "mine"]
    assert sorted(await listed(searchables, where=["tempo.bpm:0.."])) == ["lab", "mine"]
    assert await listed(searchables, where=["tempo.bpm:0.."], caller=BERT) == ["theirs"]
    assert await similar(finder, direction(1)) == ["lab", "mine"]
    assert await similar(finder, direction(1), where=["tempo.bpm:0.."]) == ["lab", "mine"]
    assert await similar(finder, direction(1), caller=BERT) == ["theirs"]
    assert await _sharing(finder, "mine") == ["lab"]
    assert await _sharing(finder, "theirs", caller=BERT) == []


async def test_the_recordings_nearest_to_one_are_found_and_itself_is_not(
    database: Database, indexer: SearchIndexer, finder: Finder
) -> None:
    one, other = direction(1), direction(2)
    mixes = {"self": one, "near": one + 0.1 * other, "far": one + other, "across": other}
    for name, vector in mixes.items():
        await add_analysed(database, name, vector=vector)
    await add_analysed(database, "without")
    await loaded(indexer)

    assert await similar(finder, one, but_for="self") == ["near", "far", "across"]
    assert await similar(finder, one, but_for="self", limit=1) == ["near"]


async def test_the_nearest_that_meet_conditions_are_found_however_far_away(
    database: Database, indexer: SearchIndexer, finder: Finder
) -> None:
    one, other = direction(1), direction(2)
    for number in range(300):
        await add_analysed(database, f"near{number:03}", vector=one + 0.001 * number * other, bpm=60.0)
    await add_analysed(database, "far", vector=other, bpm=120.0)
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
        await add_analysed(database, name, sound=await stored_sound(objects, name, sound))
    await loaded(indexer)

    [found] = await finder.sharing(ANNA, "part", "key/part", 10)

    [interval] = found.intervals
    assert found.found.recording.id == "whole"
    assert interval.start_s == 0
    assert interval.other_start_s == pytest.approx(frame[300] * 512 / 22_050)
    assert interval.share == 1


async def _sharing(finder: Finder, recording_id: str, *, caller: Caller = ANNA) -> list[str]:
    found = await finder.sharing(caller, recording_id, f"key/{recording_id}", 10)
    return [each.found.recording.id for each in found]
