"""Who sees which dead letters, and how many may be replayed."""

from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from chassis.documents import Database
from chassis.problems import ProblemError
from contracts.dead_letters import DEAD_LETTERS, DeadLetterDocument, DeadLetterState
from contracts.vocabulary import Lane, Role, Scope
from services.gateway.dead_letters import DeadLetters, LetterFilters
from services.gateway.keys import Caller

pytestmark = pytest.mark.servers

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OPERATOR = Caller("operator", {}, frozenset({Scope.OPERATE}))
OWNER = Caller("owner", {"night": Role.OWNER}, needs=Role.OWNER)
READER = Caller("reader", {"night": Role.READER, "day": Role.OWNER}, needs=Role.OWNER)
PER_MINUTE = 3


@pytest_asyncio.fixture
async def letters(database: Database) -> DeadLetters:
    """Two letters of one project, one of another, one of none; the newest is `night-1`."""
    found = DeadLetters(database[DEAD_LETTERS], lambda: None, replays_per_minute=PER_MINUTE, kept_days=1)
    await found.prepare()
    for age, (name, project) in enumerate([("night-1", "night"), ("night-2", "night"), ("day", "day"), ("odd", None)]):
        await found.keep(_letter(name, project, NOW - timedelta(minutes=age)))
    return found


@pytest.mark.parametrize(
    ("caller", "seen"),
    [(OPERATOR, ["night-1", "night-2", "day", "odd"]), (OWNER, ["night-1", "night-2"]), (READER, ["day"])],
    ids=["operator", "owner", "reader"],
)
async def test_a_list_is_of_projects_that_the_caller_owns_or_of_all(
    letters: DeadLetters, caller: Caller, seen: list[str]
) -> None:
    first, cursor = await letters.page(caller, LetterFilters(), None, 2)
    rest = (await letters.page(caller, LetterFilters(), cursor, 10))[0] if cursor is not None else []

    assert [each.id for each in [*first, *rest]] == seen


@pytest.mark.parametrize(
    ("caller", "name", "status"), [(OWNER, "day", 404), (OWNER, "odd", 404), (READER, "night-1", 403)]
)
async def test_what_is_not_the_callers_is_neither_shown_nor_replayed_nor_discarded(
    letters: DeadLetters, caller: Caller, name: str, status: int
) -> None:
    for asked in (letters.get, letters.replay, letters.discard):
        with pytest.raises(ProblemError) as refused:
            await asked(caller, name)
        assert refused.value.status == status


async def test_no_more_are_replayed_than_a_minute_allows(letters: DeadLetters) -> None:
    await letters.replay(OPERATOR, "odd")

    done = await letters.replay_all(OPERATOR, LetterFilters(), 100, dry_run=False)
    more = await letters.replay_all(OPERATOR, LetterFilters(), 100, dry_run=False)

    assert (done.matching, done.allowed, done.ids) == (3, 2, ["day", "night-2"])
    assert (more.matching, more.allowed, more.ids) == (1, 0, ())
    with pytest.raises(ProblemError) as refused:
        await letters.replay(OPERATOR, "night-1")
    assert (refused.value.code, refused.value.status) == ("too_many_replays", 429)


async def test_owners_replay_no_letters_of_others(letters: DeadLetters) -> None:
    done = await letters.replay_all(OWNER, LetterFilters(), 100, dry_run=False)

    assert sorted(done.ids) == ["night-1", "night-2"]


async def test_a_dry_run_changes_nothing(letters: DeadLetters, database: Database) -> None:
    done = await letters.replay_all(OPERATOR, LetterFilters(service="spectrogram"), 100, dry_run=True)

    assert (done.matching, done.allowed, done.ids) == (4, PER_MINUTE, ())
    assert await database[DEAD_LETTERS].count_documents({"state": DeadLetterState.PARKED}) == 4


async def test_a_discarded_letter_is_forgotten_later_and_comes_back_when_it_dies_again(letters: DeadLetters) -> None:
    await letters.discard(OWNER, "night-1")
    discarded = await letters.get(OWNER, "night-1")
    await letters.keep(_letter("night-1", "night", NOW + timedelta(minutes=1)))

    again = await letters.get(OWNER, "night-1")

    assert discarded.state is DeadLetterState.DISCARDED
    assert discarded.forgotten_at is not None
    assert (again.state, again.deaths, again.forgotten_at) == (DeadLetterState.PARKED, 2, None)


async def test_a_replayed_letter_cannot_be_discarded_before_it_dies_again(letters: DeadLetters) -> None:
    await letters.replay(OWNER, "night-1")

    with pytest.raises(ProblemError) as refused:
        await letters.discard(OWNER, "night-1")

    assert refused.value.code == "not_parked"


def _letter(name: str, project: str | None, died_at: datetime) -> DeadLetterDocument:
    return DeadLetterDocument(
        id=name,
        service="spectrogram",
        lane=Lane.BULK,
        reason="rejected",
        error=None,
        attempts=1,
        event_id=name,
        event_type="recording.uploaded.v1",
        recording_id=None,
        project_id=project,
        trace_id=None,
        headers={"ce-id": name},
        body=b"{}",
        body_size_bytes=2,
        replayable=True,
        first_at=died_at,
        last_at=died_at,
        death=died_at.isoformat(),
    )
