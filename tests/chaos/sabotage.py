"""What keeps the promise, taken away piece by piece: the checker must see what is lost without it."""

import asyncio
from typing import Any

import chassis.broker
import chassis.outbox
import chassis.tasks
import chassis.work
from chassis.errors import BrokerUnavailableError
from contracts.documents import OutboxEntry, RecordingDocument
from services.ingest.recordings import Recordings


def publish_without_an_outbox(_: str) -> None:
    """Have ingest write its documents without events, and publish those behind the write, as well as it can."""
    publishers: list[Any] = []
    begin, add = chassis.outbox.OutboxRelay.__init__, Recordings.add

    def begin_noting(self: Any, collection: Any, publisher: Any, poll_s: float) -> None:
        publishers.append(publisher)
        begin(self, collection, publisher, poll_s)

    async def add_and_publish(self: Recordings, document: RecordingDocument) -> bool:
        added = await add(self, document.model_copy(update={"outbox": ()}))
        for entry in document.outbox if added else ():
            await _publish(publishers[0], entry)
        return added

    chassis.outbox.OutboxRelay.__init__ = begin_noting  # type: ignore[method-assign]
    Recordings.add = add_and_publish  # type: ignore[method-assign]


def finish_without_a_fence(_: str) -> None:
    """Have whoever comes last finish a task, however late."""
    chassis.tasks._held = lambda claim: {"_id": claim.task_id}


def publish_without_confirms(_: str) -> None:
    """Have the relay take an event for published as soon as it was written to the connection."""
    channel = chassis.broker.Channel

    def careless(**given: Any) -> Any:
        return channel(**{**given, "publisher_confirms": False, "on_return_raises": False})

    chassis.broker.Channel = careless  # type: ignore[assignment,misc]


def linger_before_storing(value: str) -> None:
    """Have workers wait `value` seconds between computing and storing: no sabotage, but time for it to show."""
    store = chassis.work.Workbench.store

    async def linger_and_store(self: chassis.work.Workbench, objects: Any) -> None:
        await asyncio.sleep(float(value))
        await store(self, objects)

    chassis.work.Workbench.store = linger_and_store  # type: ignore[method-assign]


async def _publish(publisher: Any, entry: OutboxEntry) -> None:
    try:
        await publisher.publish(
            entry.body.encode(), exchange=entry.exchange, routing_key=entry.routing_key, headers=entry.headers
        )
    except BrokerUnavailableError:
        return
