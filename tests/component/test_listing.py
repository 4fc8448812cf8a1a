import base64
import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from chassis.documents import Database
from chassis.problems import ProblemError
from contracts.documents import ANALYSES, SEARCH, SPECTROGRAMS
from contracts.vocabulary import Role, State
from services.gateway.features import conditions, order
from services.gateway.keys import Caller
from services.gateway.listing import Filters, Listing, Wanted
from services.gateway.reads import Reads
from services.gateway.views import overall_status

from .stored import NOON, add_recording, add_task

pytestmark = pytest.mark.servers

ANNA = Caller("anna", {"field": Role.OWNER, "lab": Role.OWNER})
BERT = Caller("bert", {"music": Role.OWNER})


@pytest.fixture
def listing(database: Database) -> Listing:
    """The list over an empty database."""
    return Listing(database, Reads(database))


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
async def test_paging_visits_every_recording_once_newest_first(
    listing: Listing, database: Database, limit: int
) -> None:
    for number in range(7):
        await add_recording(database, f"r{number}", uploaded_at=NOON + timedelta(milliseconds=number))

    assert await _all_pages(listing, ANNA, limit) == [f"r{number}" for number in reversed(range(7))]


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_paging_visits_recordings_of_the_same_moment_once(
    listing: Listing, database: Database, limit: int
) -> None:
    for number in range(7):
        await add_recording(database, f"r{number}", uploaded_at=NOON)

    visited = await _all_pages(listing, ANNA, limit)

    assert sorted(visited) == sorted({f"r{number}" for number in range(7)})


async def test_what_comes_while_paging_neither_repeats_nor_hides_anything(listing: Listing, database: Database) -> None:
    for number in range(4):
        await add_recording(database, f"r{number}", uploaded_at=NOON + timedelta(seconds=number))
    first, cursor = await listing.page(ANNA, Wanted(), None, 2)

    await add_recording(database, "newest", uploaded_at=NOON + timedelta(hours=1))
    second, _ = await listing.page(ANNA, Wanted(), cursor, 2)

    assert [line.recording_id for line in [*first, *second]] == ["r3", "r2", "r1", "r0"]


async def test_the_list_shows_the_callers_projects_only(listing: Listing, database: Database) -> None:
    for project_id in ("field", "music", "lab"):
        await add_recording(database, project_id, project_id=project_id)

    assert sorted(await _all_pages(listing, ANNA, 1)) == ["field", "lab"]
    assert await _all_pages(listing, BERT, 1) == ["music"]


async def test_a_cursor_opens_no_other_project(listing: Listing, database: Database) -> None:
    for number in range(3):
        await add_recording(database, f"r{number}", uploaded_at=NOON + timedelta(seconds=number))
    _, cursor = await listing.page(ANNA, Wanted(), None, 1)

    assert await listing.page(BERT, Wanted(), cursor, 50) == ([], None)


async def test_an_empty_list_has_no_next_page(listing: Listing) -> None:
    assert await listing.page(ANNA, Wanted(), None, 50) == ([], None)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "é",
        "====",
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        *(
            base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
            for value in (
                [],
                None,
                7,
                {"a": 1},
                ["2026-11-21T12:00:00+00:00"],
                ["noon", "one"],
                [7, "one"],
                ["0001-01-01T00:00:00+14:00", "one"],
                ["2026-11-21T12:00:00", "one", "more"],
                ["uploaded_at", True, "noon", "one"],
                ["uploaded_at", True, 7, "one"],
                ["uploaded_at", True, "2026-11-21T12:00:00+00:00", "\ud800"],
                ["uploaded_at", False, "2026-11-21T12:00:00+00:00", "one"],
                ["name", True, "a", "one"],
            )
        ),
    ],
)
async def test_a_cursor_that_is_none_of_ours_is_refused(listing: Listing, cursor: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        await listing.page(ANNA, Wanted(), cursor, 50)

    assert (refusal.value.status, refusal.value.code) == (400, "bad_cursor")


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (Filters(), {"dawn", "dusk", "noon", "plain"}),
        (Filters(project="lab"), {"noon"}),
        (Filters(project="music"), set()),
        (Filters(name="DAWN"), {"dawn"}),
        (Filters(name=".*"), set()),
        (Filters(tags=["forest"]), {"dawn", "dusk"}),
        (Filters(tags=["forest", "wet"]), {"dusk"}),
        (Filters(recorded_from=NOON), {"dusk", "noon"}),
        (Filters(recorded_to=NOON), {"dawn", "noon"}),
        (Filters(recorded_from=NOON, recorded_to=NOON), {"noon"}),
        (Filters(duration_min_s=10), {"dusk", "noon"}),
        (Filters(duration_min_s=10, duration_max_s=10), {"dusk"}),
        (Filters(deleted=True), {"gone"}),
        (Filters(deleted=True, name="dawn"), set()),
    ],
)
async def test_the_list_is_narrowed_by_what_recordings_are(
    listing: Listing, database: Database, filters: Filters, ids: set[str]
) -> None:
    await _add_a_few(database)

    assert set(await _all_pages(listing, ANNA, 2, Wanted(filters))) == ids


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ("name", ["dawn", "dusk", "noon", "plain"]),
        ("-name", ["plain", "noon", "dusk", "dawn"]),
        ("recorded_at", ["dawn", "noon", "dusk"]),
        ("-recorded_at", ["dusk", "noon", "dawn"]),
        ("-duration_s", ["noon", "dusk", "dawn"]),
        ("uploaded_at", ["dawn", "dusk", "noon", "plain"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_the_list_is_sorted_by_what_recordings_are(
    listing: Listing, database: Database, sort: str, ids: list[str], limit: int
) -> None:
    await _add_a_few(database)

    assert await _all_pages(listing, ANNA, limit, Wanted(order=order(sort))) == ids


async def test_a_state_is_asked_for_in_the_words_in_which_it_is_shown(listing: Listing, database: Database) -> None:
    states, later = [None, *State], NOON + timedelta(hours=1)
    interventions: list[dict[str, Any]] = [{}, {"cancelled_at": later}, {"retried_at": later}]
    for number, (done, spectrogram, analysis) in enumerate(itertools.product(interventions, states, states)):
        await add_recording(database, f"r{number:03}", uploaded_at=NOON + timedelta(seconds=number), **done)
        for collection, state in ((SPECTROGRAMS, spectrogram), (ANALYSES, analysis)):
            if state is not None:
                completed_at = NOON if state.is_terminal else None
                await add_task(database, collection, f"r{number:03}", state=state, completed_at=completed_at)
                await add_task(database, collection, f"r{number:03}", parameters_id="q", requested=True)
    await add_recording(database, "refused", state=State.FAILED)
    shown = await Reads(database).recordings(ANNA, [f"r{number:03}" for number in range(192)] + ["refused"])
    status = {name: overall_status(each.recording, each.spectrogram, each.analysis) for name, each in shown.items()}

    for state in State:
        found = await _all_pages(listing, ANNA, 7, Wanted(Filters(states=[state])))
        assert set(found) == {name for name, each in status.items() if each is state}, state
    failed = await _all_pages(listing, ANNA, 7, Wanted(Filters(has_failed=True)))
    parts = {
        name
        for name, each in shown.items()
        if {task.state for task in (each.spectrogram, each.analysis) if task} & {State.FAILED, State.PARTIAL}
    }
    assert set(failed) == {*parts, "refused"}
    assert set(await _all_pages(listing, ANNA, 7, Wanted(Filters(has_failed=False)))) == shown.keys() - set(failed)


@pytest.mark.parametrize("states", [[State.FAILED], [State.COMPLETED, State.FAILED], [State.QUEUED]])
async def test_a_page_ends_early_rather_than_late_and_the_next_goes_on(
    listing: Listing, database: Database, monkeypatch: pytest.MonkeyPatch, states: list[State]
) -> None:
    for number in range(30):
        await add_recording(database, f"r{number:02}", uploaded_at=NOON + timedelta(seconds=number))
        if number % 7:
            state = State.FAILED if number == 3 else State.COMPLETED
            for collection in (SPECTROGRAMS, ANALYSES):
                await add_task(database, collection, f"r{number:02}", state=state)
    wanted = Wanted(Filters(states=states))
    at_once = await _all_pages(listing, ANNA, 50, wanted)

    for name, value in (("_BATCH", 2), ("_BATCHES_MAX", 2), ("_CANDIDATES_MAX", 1)):
        monkeypatch.setattr(f"services.gateway.listing.{name}", value)
    lines, cursor = await listing.page(ANNA, wanted, None, 50)

    assert len(lines) <= 4
    assert cursor is not None
    assert await _all_pages(listing, ANNA, 50, wanted) == at_once
    assert await _all_pages(listing, ANNA, 1, wanted) == at_once


@pytest.mark.parametrize("sort", ["-uploaded_at", "name", "tempo.bpm"])
async def test_features_and_the_rest_narrow_one_list(listing: Listing, database: Database, sort: str) -> None:
    await _add_a_few(database)
    for name, bpm in (("dawn", 60.0), ("dusk", 90.0), ("noon", 120.0), ("gone", 90.0)):
        search = {"project_id": "field", "uploaded_at": NOON, "features": {"tempo": {"bpm": bpm}}}
        await database[SEARCH].insert_one({"_id": name, **search})
    wanted = Wanted(Filters(tags=["forest"]), conditions(["tempo.bpm:80..130"]), order(sort))

    lines, _ = await listing.page(ANNA, wanted, None, 10)

    assert [(line.recording_id, line.features) for line in lines] == [("dusk", {"tempo.bpm": 90.0})]


async def _add_a_few(database: Database) -> None:
    audio = {"container": "wav", "codec": "pcm_s16", "rate_hz": 8000, "channels": 1}
    facts: dict[str, dict[str, Any]] = {
        "dawn": {"tags": ["forest"], "recorded_at": _at(-6), "audio": {**audio, "duration_claimed_s": 5.0}},
        "dusk": {"tags": ["forest", "wet"], "recorded_at": _at(6), "audio": {**audio, "duration_claimed_s": 10.0}},
        "noon": {"project_id": "lab", "recorded_at": _at(0), "audio": {**audio, "duration_claimed_s": 60.0}},
        "plain": {"recorded_at": None, "audio": {**audio, "duration_claimed_s": None}},
        "gone": {"deleted_at": NOON, "tags": ["forest"]},
        "theirs": {"project_id": "music", "tags": ["forest"]},
    }
    for number, (name, each) in enumerate(facts.items()):
        await add_recording(database, name, name=f"{name}.wav", uploaded_at=NOON + timedelta(seconds=number), **each)


def _at(hours: int) -> dict[str, Any]:
    moment = NOON + timedelta(hours=hours)
    return {"local": moment.isoformat(), "local_source": "name", "sorted_by": moment}


async def _all_pages(listing: Listing, caller: Caller, limit: int, wanted: Wanted | None = None) -> list[str]:
    visited: list[str] = []
    cursor: str | None = None
    for _ in range(100):
        found, cursor = await listing.page(caller, wanted or Wanted(), cursor, limit)
        assert len(found) <= limit
        visited += [each.recording_id for each in found]
        if cursor is None:
            return visited
    pytest.fail("paging does not end")
