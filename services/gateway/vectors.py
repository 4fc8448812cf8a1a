"""Vectors of recordings, and which are nearest to one: exact, in memory that is mapped to a file."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from chassis.metrics import SEARCH_VECTORS
from contracts.documents import EMBEDDING_DIMENSIONS

Floats = NDArray[np.float32]

_ROW_BYTES = 4 * EMBEDDING_DIMENSIONS
_FIRST_ROWS = 1024
_DIGITS = 6

T = TypeVar("T")


@dataclass(frozen=True)
class Embedded:
    """The vector of a recording; None where its newest analysis has none."""

    recording_id: str
    project_id: str
    version: str | None
    vector: bytes | None


@dataclass(frozen=True, eq=False)
class VectorQuery:
    """What is looked for: among recordings of these projects, by vectors of this version.

    vector  (384,) float32, of length 1
    """

    vector: Floats
    version: str
    project_ids: tuple[str, ...]
    limit: int


@dataclass(frozen=True)
class Neighbour:
    """A recording, and the cosine of its vector and that of the query."""

    recording_id: str
    similarity: float


class VectorIndex(Protocol):
    """Who knows the vectors; what is in it can be put there again at any time."""

    async def put(self, embedded: Sequence[Embedded]) -> None:
        """Take vectors in the place of those that these recordings had."""

    async def nearest(self, query: VectorQuery) -> list[Neighbour]:
        """Return the nearest recordings, the nearest first."""


class MappedVectors:
    """Every vector in one array over an unlinked file; a query reads them all.

    One thread does everything: queries take turns, because one alone takes all the memory's bandwidth.
    """

    def __init__(self, folder: str | None = None) -> None:
        """Make the file in `folder`, or where the system has its temporary files."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vectors")
        self._rows = _Rows(folder)

    async def put(self, embedded: Sequence[Embedded]) -> None:
        """Take vectors in the place of those that these recordings had. Raises `OSError` where the disk is full."""
        await self._in_thread(lambda: self._rows.put(embedded))
        SEARCH_VECTORS.set(len(self._rows))

    async def nearest(self, query: VectorQuery) -> list[Neighbour]:
        """Return the nearest recordings, the nearest first."""
        return await self._in_thread(lambda: self._rows.nearest(query))

    def close(self) -> None:
        """Give thread and file back."""
        self._thread.shutdown()
        self._rows.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class _Rows:
    """Rows 0 to `len` are filled; a row that is removed is filled by the last one."""

    def __init__(self, folder: str | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, prefix="dawnchorus-vectors-")  # noqa: SIM115 (closed in `close`)
        self._row_of: dict[str, int] = {}
        self._ids: list[str] = []
        self._codes: dict[str, int] = {}
        self._projects = np.empty(0, dtype=np.int32)
        self._versions = np.empty(0, dtype=np.int32)
        self._vectors: Floats = np.empty((0, EMBEDDING_DIMENSIONS), dtype=np.float32)

    def __len__(self) -> int:
        return len(self._ids)

    def put(self, embedded: Sequence[Embedded]) -> None:
        for each in embedded:
            if each.vector is None or each.version is None:
                self._remove(each.recording_id)
                continue
            row = self._row_of.get(each.recording_id)
            if row is None:
                row = self._append(each.recording_id)
            self._projects[row], self._versions[row] = self._code(each.project_id), self._code(each.version)
            self._vectors[row] = np.frombuffer(each.vector, dtype="<f4")

    def nearest(self, query: VectorQuery) -> list[Neighbour]:
        count = len(self._ids)
        projects = [self._codes[each] for each in query.project_ids if each in self._codes]
        seen = np.isin(self._projects[:count], projects)
        seen &= self._versions[:count] == self._codes.get(query.version, -1)
        found = int(np.count_nonzero(seen))
        if not found:
            return []
        similarity = np.where(seen, self._vectors[:count] @ query.vector, np.float32(-np.inf))
        limit = min(query.limit, found)
        best = np.argpartition(similarity, count - limit)[count - limit :]
        # Vectors have six digits. Where two are as near, by id: the same question has the same answer.
        neighbours = [Neighbour(self._ids[row], round(float(similarity[row]), _DIGITS)) for row in best.tolist()]
        return sorted(neighbours, key=lambda each: (-each.similarity, each.recording_id))

    def close(self) -> None:
        self._vectors = self._vectors[:0].copy()
        self._file.close()

    def _append(self, recording_id: str) -> int:
        row = len(self._ids)
        if row == len(self._vectors):
            self._grow(max(_FIRST_ROWS, 2 * row))
        self._ids.append(recording_id)
        self._row_of[recording_id] = row
        return row

    def _grow(self, rows: int) -> None:
        # Reserved, so that a full disk is an error here and no bus error at the first write.
        os.posix_fallocate(self._file.fileno(), 0, rows * _ROW_BYTES)
        self._vectors = np.memmap(self._file, dtype="<f4", mode="r+", shape=(rows, EMBEDDING_DIMENSIONS))
        self._projects, self._versions = (
            np.concatenate([codes, np.zeros(rows - len(codes), dtype=np.int32)])
            for codes in (self._projects, self._versions)
        )

    def _remove(self, recording_id: str) -> None:
        row = self._row_of.pop(recording_id, None)
        if row is None:
            return
        last, moved = len(self._ids) - 1, self._ids[-1]
        if row != last:
            self._ids[row], self._row_of[moved] = moved, row
            for column in (self._projects, self._versions, self._vectors):
                column[row] = column[last]
        self._ids.pop()

    def _code(self, name: str) -> int:
        return self._codes.setdefault(name, len(self._codes))
