"""Removes objects that no document names, and parts of objects that nobody completed: each service its own."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from .documents import PyMongoError
from .errors import ObjectStoreError, TransientError
from .listed import ListedObject, UnfinishedObject
from .metrics import OBJECTS_SWEPT
from .objects import ObjectStore
from .settings import ServiceSettings
from .storage import Storage

log = structlog.get_logger()

# Fewer objects are too few to tell a mistake by.
_DOUBTED_FROM = 100
_LOOKED_EVERY_S = 60.0

Removable = Callable[[], Awaitable[frozenset[str]]]


class SweepSettings(ServiceSettings):
    """How often it is swept, and what is left alone."""

    sweep_every_s: float = 21_600
    sweep_grace_s: float = 172_800
    sweep_share_max: float = 0.5


@dataclass(frozen=True)
class SweepRules:
    """What may go: nothing younger than the grace, and not so large a share that it must be a mistake."""

    grace: timedelta
    share_max: float

    @classmethod
    def of(cls, settings: SweepSettings) -> "SweepRules":
        """Return the rules that an operator set."""
        return cls(timedelta(seconds=settings.sweep_grace_s), settings.sweep_share_max)

    def is_old(self, at: datetime) -> bool:
        """Tell whether what was written then may go."""
        return at < datetime.now(UTC) - self.grace

    def is_doubtful(self, nameless: int, of: int) -> bool:
        """Tell whether so many of so many are more likely a wrong database than leftovers."""
        return of >= _DOUBTED_FROM and nameless > of * self.share_max


class SweepRefusedError(TransientError):
    """So much has no name that the documents are more likely wrong than the objects."""

    code = "sweep_refused"

    def __init__(self, where: str, nameless: int, of: int) -> None:
        super().__init__(where, nameless, of)

    def __str__(self) -> str:
        where, nameless, of = self.args
        return f"No document names {nameless} of {of} objects of {where}: nothing there is removed."


class Naming(Protocol):
    """What a service says of the objects under its prefixes."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """How the keys of its objects begin."""

    async def named(self, keys: Sequence[str]) -> frozenset[str]:
        """Return which of these keys a document names, or may be about to name."""

    def held(self, recording_id: str, keys: Sequence[str]) -> AbstractAsyncContextManager[Removable]:
        """Let nobody begin on a recording; give a call that says, just before each removal, what may go now."""

    async def expected(self, uploads: Sequence[UnfinishedObject]) -> frozenset[str]:
        """Return by their ids the objects begun in parts that somebody may still complete."""

    async def purge(self) -> None:
        """Remove what is left of recordings that are gone for good."""


class Sweeper:
    """Sweeps what one service owns; of its replicas one at a time."""

    def __init__(self, objects: ObjectStore, storage: Storage, naming: Naming, settings: SweepSettings) -> None:
        self._objects = objects
        self._storage = storage
        self._naming = naming
        self._rules = SweepRules.of(settings)
        self._every_s = settings.sweep_every_s

    async def run(self) -> None:
        """Sweep for ever, as often as the settings say; 0: never."""
        while self._every_s > 0:
            try:
                if await self._storage.takes_turn(timedelta(seconds=self._every_s)):
                    await self.sweep()
            except (PyMongoError, ObjectStoreError) as error:
                log.warning("sweep_failed", reason=str(error) or repr(error))
            except SweepRefusedError as refusal:
                log.error("sweep_refused", reason=str(refusal))  # noqa: TRY400 (the reason is the whole story)
            await asyncio.sleep(min(self._every_s, _LOOKED_EVERY_S))

    async def sweep(self) -> int:
        """Sweep once; return how many objects went."""
        await self._naming.purge()
        swept, stored_bytes = 0, 0
        for prefix in self._naming.prefixes:
            await self._abort(prefix)
            async for page in self._objects.pages(prefix):
                stored_bytes += sum(each.size_bytes for each in page)
                swept += await self._sweep_page(prefix, page)
        await self._storage.counted(stored_bytes)
        return swept

    async def _sweep_page(self, prefix: str, page: Sequence[ListedObject]) -> int:
        old = [each.key for each in page if self._rules.is_old(each.written_at)]
        named = await self._naming.named(old)
        nameless = [key for key in old if key not in named]
        if self._rules.is_doubtful(len(nameless), len(old)):
            raise SweepRefusedError(prefix, len(nameless), len(old))
        swept = 0
        for recording_id, keys in by_recording(nameless).items():
            swept += await self._remove(recording_id, keys)
        OBJECTS_SWEPT.labels(prefix.rstrip("/")).inc(swept)
        return swept

    async def _remove(self, recording_id: str, keys: Sequence[str]) -> int:
        async with self._naming.held(recording_id, keys) as removable:
            swept = 0
            for key in keys:
                if key in await removable():
                    await self._objects.delete(key)
                    log.info("object_swept", key=key, recording_id=recording_id)
                    swept += 1
        return swept

    async def _abort(self, prefix: str) -> None:
        begun = [each for each in await self._objects.unfinished(prefix) if self._rules.is_old(each.begun_at)]
        expected = await self._naming.expected(begun)
        for each in begun:
            if each.upload_id not in expected:
                await self._objects.abort_parts(each.key, each.upload_id)
                OBJECTS_SWEPT.labels("parts").inc()
                log.info("parts_swept", key=each.key, begun_at=each.begun_at.isoformat())


def recording_of(key: str) -> str:
    """Return the recording that a key is about: its second part."""
    return key.partition("/")[2].partition("/")[0]


def by_recording(keys: Iterable[str]) -> Mapping[str, list[str]]:
    """Return keys by the recording that they are about."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(recording_of(key), []).append(key)
    return found
