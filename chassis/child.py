"""The child's side of the job pool: one job after the other, each with its own outcome."""

import os
import pickle
import resource
import signal
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import FrameType
from typing import Any

from .confinement import Limits, confine
from .dialing import use_switchboard
from .errors import JobCrashedError

SOFT_LIMIT_SIGNAL = signal.SIGXCPU

_is_at_work = False


@dataclass(frozen=True, slots=True)
class Beginning:
    """What every child of a pool begins with."""

    parent: int
    limits: Limits
    warm_up: Callable[[], object]
    switchboard: socket.socket | None


@dataclass(frozen=True, slots=True)
class Job:
    """A function of a module, and what it is called with."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Ending(StrEnum):
    """How a job ended in a child that lived on."""

    RETURNED = "returned"
    RAISED = "raised"
    OUT_OF_TIME = "out_of_time"
    OUT_OF_MEMORY = "out_of_memory"


@dataclass(frozen=True, slots=True)
class Wear:
    """What a child holds between two jobs; `processes` were left by one."""

    address_bytes: int
    descriptors: int
    processes: int


@dataclass(frozen=True, slots=True)
class Warm:
    """The child's first word: it is ready, and holds so much; `unconfined` says why its calls are not filtered."""

    unconfined: str | None
    wear: Wear


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job: what it returned, or the error it raised."""

    ending: Ending
    value: Any
    wear: Wear


class SoftLimitReached(BaseException):
    """The soft limit of time: raised wherever the job is, and nothing that catches errors catches it."""


def serve(connection: Connection, beginning: Beginning) -> None:
    """Work until the parent is gone."""
    unconfined = confine(beginning.parent, beginning.limits)
    signal.signal(SOFT_LIMIT_SIGNAL, _ring)
    use_switchboard(beginning.switchboard)
    beginning.warm_up()
    connection.send(Warm(unconfined, _wear()))
    own = os.getpid()
    while True:
        job = connection.recv()
        answer = _pickled(*_carried_out(job))
        if os.getpid() != own:
            # A fork of the job: whatever it found, the job is its parent's.
            os._exit(1)
        connection.send_bytes(answer)


def _ring(number: int, frame: FrameType | None) -> None:
    if _is_at_work:
        raise SoftLimitReached


def _carried_out(job: Job) -> tuple[Ending, Any]:
    global _is_at_work
    try:
        _is_at_work = True
        try:
            return Ending.RETURNED, job.function(*job.arguments)
        finally:
            _is_at_work = False
    except SoftLimitReached:
        return Ending.OUT_OF_TIME, None
    except MemoryError as error:
        return Ending.OUT_OF_MEMORY, repr(error)
    except Exception as error:  # noqa: BLE001 (the parent raises it again, and decides there)
        error.add_note("In the child:\n" + traceback.format_exc())
        return Ending.RAISED, _portable(error)


def _portable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (its own)
    except Exception:  # noqa: BLE001 (an error may fail in any way to be pickled; what it says must come through)
        return JobCrashedError(repr(error))
    return error


def _pickled(ending: Ending, value: Any) -> memoryview:  # noqa: ANN401
    try:
        return ForkingPickler.dumps(Outcome(ending, value, _wear()))
    except MemoryError as error:
        return ForkingPickler.dumps(Outcome(Ending.OUT_OF_MEMORY, repr(error), _wear()))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        return ForkingPickler.dumps(Outcome(Ending.RAISED, JobCrashedError(repr(error)), _wear()))


def _wear() -> Wear:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        children = [path.read_text().split() for path in Path("/proc/self/task").glob("*/children")]
        descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        # No descriptor is left to look with.
        return Wear(0, resource.getrlimit(resource.RLIMIT_NOFILE)[0], 0)
    return Wear(pages * os.sysconf("SC_PAGESIZE"), descriptors, sum(map(len, children)))
