from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import pytest_asyncio
from pydantic import BaseModel

from chassis.documents import Database
from chassis.outbox import OutboxRelay
from chassis.problems import ProblemError
from contracts.batches import BatchDocument, BatchItemDocument
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS, TASKS
from contracts.importing import ImportOrder
from contracts.interventions import Selection
from contracts.vocabulary import Lane, Role, State
from services.gateway.analyses import AnalysisRequests
from services.gateway.batch_runner import MAX_ATTEMPTS, BatchRunner
from services.gateway.batches import Batches, new_item
from services.gateway.forwarding import IngestDoor, IngestUnavailableError
from services.gateway.interventions import Interventions
from services.gateway.item_states import ItemStates
from services.gateway.keys import Caller
from services.gateway.projects import Projects
from services.gateway.reads import Reads
from services.gateway.renderings import RenderRequests
from services.gateway.wishes import Wishes
from tests.fakes import FakePublisher

pytestmark = pytest.mark.servers

ANNA = Caller("anna", {"field": Role.OWNER})
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SHA256 = "0" * 64


class FakeIngest:
    """Makes a recording of whatever it is asked for, unless a test decides otherwise."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.orders: list[str] = []
        self.cancelled: list[str] = []
        self.refuse: Callable[[str], Exception | None] = lambda uri: None

    async def ask(self, method: str, path: str, wish: BaseModel, **_: Any) -> Any:
        if isinstance(wish, Selection):
            self.cancelled += wish.recording_ids if path == "/cancellations" else ()
            return []
        assert isinstance(wish, ImportOrder)
        self.orders.append(wish.uri)
        error = self.refuse(wish.uri)
        if error is not None:
            raise error
        recording_id = f"of {wish.uri}"
        await _add(self.database, recording_id)
        return {"id": recording_id, "duplicate": False}


class Bench:
    """A runner over an empty database, and what it works with."""

    def __init__(self, database: Database) -> None:
        publisher: Any = FakePublisher()
        relay = OutboxRelay(database[TASKS], publisher, poll_s=3600)
        renderings = RenderRequests(database[TASKS], relay, 600)
        self.ingest = FakeIngest(database)
        self.batches = Batches(database)
        door = cast("IngestDoor", self.ingest)
        self.runner = BatchRunner(
            self.batches,
            ItemStates(database),
            Reads(database),
            Projects(database),
            door,
            Interventions(door, Wishes(database[TASKS], relay, renderings)),
            AnalysisRequests(database[TASKS], relay),
            renderings,
            slots=4,
            poll_s=0,
        )

    async def batch(self, *uris: str) -> BatchDocument:
        batch = BatchDocument(
            id="b",
            project_id="field",
            name="",
            lane=Lane.BULK,
            created_at=NOON,
            is_open=True,
            items=len(uris),
        )
        items = [new_item(batch, n).model_copy(update={"uri": uri}) for n, uri in enumerate(uris)]
        await self.batches.add(batch, items)
        return batch

    async def items(self) -> list[BatchItemDocument]:
        return await self.batches.items("b", limit=100)

    async def steps(self, number: int) -> None:
        for _ in range(number):
            await self.runner.step()


@pytest_asyncio.fixture
async def bench(database: Database) -> Bench:
    """Everything but ingest is real."""
    made = Bench(database)
    await made.batches.prepare()
    return made


async def test_every_item_is_taken_up_once_and_ends_as_its_recording(bench: Bench, database: Database) -> None:
    await bench.batch(*(f"s3://a/{n}" for n in range(6)))

    await bench.steps(3)
    begun = await bench.items()
    for item in begun:
        await _end(database, str(item.recording_id))
    await bench.steps(2)

    assert sorted(bench.ingest.orders) == [f"s3://a/{n}" for n in range(6)]
    assert {each.state for each in begun} == {State.PROCESSING}
    assert await bench.batches.counts("b") == {State.COMPLETED: 6}
    done = await bench.batches.one(ANNA, "b")
    assert (done.is_open, done.completed_at is None) == (False, False)


async def test_what_a_gateway_left_when_it_died_is_done_by_the_next(bench: Bench) -> None:
    await bench.batch("s3://a/0")
    # Claimed, and never left.
    dead = await bench.batches.claim(timedelta(0))

    await bench.steps(1)

    assert dead is not None
    assert [each.state for each in await bench.items()] == [State.PROCESSING]


async def test_a_batch_that_another_gateway_has_is_left_to_it(bench: Bench) -> None:
    await bench.batch("s3://a/0")
    await bench.batches.claim(timedelta(minutes=1))

    assert not await bench.runner.step()
    assert bench.ingest.orders == []


@pytest.mark.parametrize("error", [IngestUnavailableError("away"), ProblemError(507, "storage_full", "It is full.")])
async def test_while_ingest_is_away_or_full_items_wait_however_long(
    bench: Bench, error: IngestUnavailableError | ProblemError
) -> None:
    await bench.batch("s3://a/0")
    bench.ingest.refuse = lambda _: error
    await bench.steps(2 * MAX_ATTEMPTS)
    [waiting] = await bench.items()

    bench.ingest.refuse = lambda _: None
    await bench.steps(1)

    assert (waiting.state, waiting.attempts) == (State.QUEUED, 0)
    assert [each.state for each in await bench.items()] == [State.PROCESSING]


@pytest.mark.parametrize(("status", "attempts"), [(422, 1), (500, MAX_ATTEMPTS)])
async def test_a_refused_item_fails_and_harms_no_other(bench: Bench, status: int, attempts: int) -> None:
    await bench.batch("s3://a/bad", "s3://a/good")
    bench.ingest.refuse = lambda uri: ProblemError(status, "bad", "It is bad.") if uri.endswith("bad") else None

    await bench.steps(2 * MAX_ATTEMPTS)

    bad, good = await bench.items()
    assert (bad.state, bad.attempts, good.state) == (State.FAILED, attempts, State.PROCESSING)
    assert bad.error is not None
    assert bad.error.code == "bad"


async def test_a_cancelled_batch_takes_nothing_up_and_cancels_what_it_had(bench: Bench) -> None:
    batch = await bench.batch(*(f"s3://a/{n}" for n in range(6)))
    await bench.steps(1)

    await bench.batches.cancel(batch)
    await bench.steps(1)

    assert len(bench.ingest.cancelled) == 4
    assert await bench.batches.counts("b") == {State.PROCESSING: 4, State.CANCELLED: 2}


async def test_an_item_that_is_cancelled_while_it_is_taken_up_is_cancelled_afterwards(bench: Bench) -> None:
    batch = await bench.batch("s3://a/0")
    claimed = await bench.batches.claim(timedelta(0))
    assert claimed is not None
    [item] = await bench.items()

    await bench.batches.cancel(batch)
    await bench.runner._begin(claimed, item)

    assert bench.ingest.cancelled == ["of s3://a/0"]
    assert [each.state for each in await bench.items()] == [State.CANCELLED]


async def test_only_what_failed_is_taken_up_again(bench: Bench, database: Database) -> None:
    batch = await bench.batch("s3://a/bad", "s3://a/good")
    bench.ingest.refuse = lambda uri: ProblemError(422, "bad", "It is bad.") if uri.endswith("bad") else None
    await bench.steps(1)
    await _end(database, "of s3://a/good")
    await bench.steps(2)
    bench.ingest.orders.clear()
    bench.ingest.refuse = lambda _: None

    retried = await bench.batches.retry(batch)
    await bench.steps(1)

    assert (retried, bench.ingest.orders) == (1, ["s3://a/bad"])
    assert [each.state for each in await bench.items()] == [State.PROCESSING, State.COMPLETED]


async def _add(database: Database, recording_id: str) -> None:
    document = {
        "_id": recording_id,
        "project_id": "field",
        "name": "a",
        "lane": "bulk",
        "state": State.COMPLETED,
        "sha256": SHA256,
        "size_bytes": 7,
        "uploaded_at": NOON,
        "trace_id": SHA256[:32],
        "current": True,
    }
    await database[RECORDINGS].insert_one(document)


async def _end(database: Database, recording_id: str) -> None:
    for collection in (SPECTROGRAMS, ANALYSES):
        task = {
            "_id": f"{recording_id}/p",
            "recording_id": recording_id,
            "project_id": "field",
            "parameters_id": "p",
            "state": State.COMPLETED,
            "created_at": NOON,
            "completed_at": NOON,
        }
        await database[collection].insert_one(task)
