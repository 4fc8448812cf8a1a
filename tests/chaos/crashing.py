"""Fail points: a service that ends at one exact step of its work on one recording, once.

A point is armed by a file `{service}.{name of the recording}` that holds the point's name; whoever gets there renames
it and is gone, as if killed between two instructions.
"""

import functools
import importlib
import json
import os
import pickle
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aio_pika import IncomingMessage

import chassis.work
from chassis.broker import Publisher
from chassis.objects import ObjectStore
from chassis.outbox import OutboxRelay
from chassis.tasks import TaskStore
from chassis.work import Workbench, Worker
from contracts.topology import EVENTS_EXCHANGE
from services.ingest.drafts import Upload
from services.ingest.recordings import Recordings
from services.ingest.uploads import UploadDesk

from .cold import stay_cold

RELAY_POINTS = ("before_publish", "before_pull", "after_pull")
INGEST_POINTS = (
    *("before_object", "after_object", "before_document", "after_document", "before_answer"),
    *RELAY_POINTS,
)
WORKER_POINTS = (
    *("before_claim", "after_claim", "after_fetch", "after_compute", "amid_store", "after_store", "after_finalize"),
    *("before_ack", "after_ack"),
    *RELAY_POINTS,
)
# The steps of both workers are the chassis's: each dies at every other one.
POINTS: Mapping[str, tuple[str, ...]] = {
    "ingest": INGEST_POINTS,
    "spectrogram": WORKER_POINTS[::2],
    "analysis": WORKER_POINTS[1::2],
}
FIRED = ".fired"
EXIT_CODE = 70

# Of a method's arguments, self first, the recording it is about; those that the services add are none of its business.
Subject = Callable[..., str | None]


def arm(folder: Path, service: str, name: str, point: str) -> None:
    """Have a service crash when it gets to `point` with the recording of this name."""
    folder.mkdir(exist_ok=True)
    (folder / f"{service}.{name}").write_text(point)


def armed(folder: Path) -> list[str]:
    """Return the points that nobody has got to yet."""
    return sorted(path.name for path in folder.iterdir() if path.is_file() and path.suffix != FIRED)


def crash_at_armed_points(value: str) -> None:
    """Watch every step of this service for points armed in the folder `value`."""
    points = _Points(Path(value), sys.argv[-1].removeprefix("services."))
    _start_cold(points.service)
    _compute_once(points.remembered)
    # What dies may be in the middle of another recording's task: many deaths in a row are no poison here.
    chassis.work.MAX_ATTEMPTS = sum(map(len, POINTS.values()))
    around = points.around
    around(
        UploadDesk, "accept", lambda _, upload, *__, **___: upload.name, before="before_object", after="before_answer"
    )
    around(UploadDesk, "settle", points.noted, before="after_object")
    around(
        Recordings,
        "add",
        lambda _, document, *__, **___: document.name,
        before="before_document",
        after="after_document",
    )
    around(
        Worker,
        "carry_out",
        lambda _, event, *__, **___: points.of(event.recording_id),
        before="before_claim",
        after="before_ack",
    )
    around(TaskStore, "claim", lambda _, task_id, *__, **___: points.of_task(task_id), after="after_claim")
    around(Workbench, "fetch", lambda _, key, *__, **___: points.of_key(key), after="after_fetch")
    around(Workbench, "compute", lambda bench, *_, **__: points.of_bench(bench), after="after_compute")
    around(ObjectStore, "_put_one", lambda _, key, *__, **___: points.of_key(key), after="amid_store")
    around(Workbench, "store", lambda bench, *_, **__: points.of_bench(bench), after="after_store")
    around(TaskStore, "finalize", lambda _, claim, *__, **___: points.of_task(claim.task_id), after="after_finalize")
    around(
        OutboxRelay,
        "_send",
        lambda _, __, entry, *___, **____: points.of_event(entry.body, entry.exchange),
        before="before_publish",
        after="after_pull",
    )
    around(Publisher, "publish", lambda _, body, *__, **to: points.of_event(body, to["exchange"]), after="before_pull")
    around(IncomingMessage, "ack", lambda message, *_, **__: points.of_message(message), after="after_ack")


class _Points:
    def __init__(self, folder: Path, service: str) -> None:
        self._folder = folder
        self._ids = folder / "ids"
        self._ids.mkdir(exist_ok=True)
        self.remembered = folder / "remembered"
        self.remembered.mkdir(exist_ok=True)
        self.service = service

    def around(self, owner: type, name: str, subject: Subject, *, before: str = "", after: str = "") -> None:
        """Look for an armed point before and after a method."""
        method: Callable[..., Awaitable[Any]] = getattr(owner, name)

        @functools.wraps(method)
        async def watched(*arguments: Any, **named: Any) -> Any:
            about = subject(*arguments, **named)
            self._reach(before, about)
            result = await method(*arguments, **named)
            self._reach(after, about)
            return result

        setattr(owner, name, watched)

    def noted(self, _: UploadDesk, recording_id: str, upload: Upload, *__: Any, **___: Any) -> str:
        """Remember for all services under which name a recording came."""
        (self._ids / recording_id).write_text(upload.name)
        return upload.name

    def of(self, recording_id: str) -> str | None:
        path = self._ids / recording_id
        return path.read_text() if path.exists() else None

    def of_task(self, task_id: str) -> str | None:
        return self.of(task_id.partition("/")[0])

    def of_key(self, key: str) -> str | None:
        return self.of(key.split("/")[1])

    def of_bench(self, bench: Workbench) -> str | None:
        event: Any = bench.report("fetch", 0.0)  # type: ignore[arg-type]
        return self.of(event.recording_id)

    def of_event(self, body: bytes | str, exchange: str) -> str | None:
        return self.of(json.loads(body)["recording_id"]) if exchange == EVENTS_EXCHANGE else None

    def of_message(self, message: IncomingMessage) -> str | None:
        return self.of(str(message.headers.get("ce-subject")))

    def _reach(self, point: str, name: str | None) -> None:
        path = self._folder / f"{self.service}.{name}"
        if point and name and path.exists() and path.read_text() == point:
            path.rename(path.with_name(path.name + FIRED))
            os._exit(EXIT_CODE)


def _compute_once(folder: Path) -> None:
    """Have every kind of job done by a child once: all recordings sound alike, and cold children are slow."""
    compute = Workbench.compute

    async def remembered(self: Workbench, function: Callable[..., Any], *arguments: Any) -> Any:
        known = folder / function.__name__
        if not known.exists():
            result = await compute(self, function, *arguments)
            draft = known.with_suffix(f".{os.getpid()}")
            draft.write_bytes(pickle.dumps(result))
            draft.rename(known)
        return pickle.loads(known.read_bytes())  # noqa: S301 (our own)

    Workbench.compute = remembered  # type: ignore[assignment]


def _start_cold(service: str) -> None:
    # A service that ends every few seconds spends them better than with getting warm.
    app = importlib.import_module(f"services.{service}.app")
    app.warm_up = stay_cold  # type: ignore[attr-defined]
