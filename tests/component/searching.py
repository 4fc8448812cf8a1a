"""What searches: an indexer and a finder over real servers, and the ways to ask."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from chassis.documents import Database
from chassis.objects import ObjectStore
from contracts.vocabulary import Role
from services.gateway.features import conditions, order
from services.gateway.finding import Finder
from services.gateway.indexer import SearchIndexer
from services.gateway.keys import Caller
from services.gateway.listing import Listing, Wanted
from services.gateway.reads import Reads
from services.gateway.searchables import Searchables
from services.gateway.vectors import MappedVectors, VectorQuery

from .analysed import Vector, unit
from .background import in_background
from .polling import eventually

ANNA = Caller("anna", {"field": Role.OWNER, "lab": Role.OWNER})
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


@asynccontextmanager
async def running(indexer: SearchIndexer) -> AsyncIterator[None]:
    """Let an indexer run, and go on once it has taken everything that is there."""

    async def is_loaded() -> bool:
        return indexer.is_loaded

    async with in_background(indexer.run()):
        await eventually(is_loaded)
        yield


async def loaded(indexer: SearchIndexer) -> None:
    """Let an indexer begin, and stop it once it has taken everything."""
    async with running(indexer):
        pass


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
    """Return the ids of the recordings nearest to a vector, nearest first."""
    asked = query(vector, limit, caller)
    neighbours = await finder.similar(caller, asked, conditions(where), but_for=but_for)
    return [each.found.recording.id for each in neighbours.items]


def query(vector: Vector, limit: int, caller: Caller = ANNA) -> VectorQuery:
    """Return the question for the vectors nearest to one, among what the caller may see."""
    return VectorQuery(unit(vector), "1", caller.project_ids, limit)
