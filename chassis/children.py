"""The parent's side of one child process: begun, given a job, waited for, killed with all that it started."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from threading import Lock, Timer
from typing import TypeVar

from .child import SOFT_LIMIT_SIGNAL, Beginning, Job, Outcome, Warm, serve
from .errors import JobCrashedError, JobTimeoutError

# At this share of a job's limit of time the child is asked to stop by itself; at the whole it is killed.
SOFT_SHARE = 0.8
# How long the rest of a word may take that has begun to come.
_WORD_S = 5.0

Word = TypeVar("Word", Warm, Outcome)

_CONTEXT = multiprocessing.get_context("spawn")


class Child:
    """A process with a pipe of its own, so that its end, at whatever moment, touches no other."""

    def __init__(self, beginning: Beginning) -> None:
        """Begin; it dies with the thread that calls."""
        self._connection: Connection
        self._connection, theirs = _CONTEXT.Pipe()
        with theirs:
            self._process = _CONTEXT.Process(target=serve, args=(theirs, beginning), daemon=True)
            self._process.start()
        self._pid = self._process.pid or 0
        # Unlike the end of its pipe, readable once it is dead even where something it started lives.
        self._death = os.pidfd_open(self._pid)
        self._ending = Lock()
        self._is_buried = False
        self.jobs = 0
        self.warmth: Warm | None = None

    @property
    def is_alive(self) -> bool:
        """Tell whether it is not dead."""
        return not wait([self._death], 0)

    @property
    def is_warm(self) -> bool:
        """Tell whether it has run its warm-up; does not wait. Raises `JobCrashedError` when it died over that."""
        if self.warmth is None and wait([self._connection, self._death], 0):
            self.become_warm(_WORD_S)
        return self.warmth is not None

    def become_warm(self, within_s: float) -> Warm:
        """Return what it says when it is ready. Raises `JobCrashedError` when it dies first, or takes too long."""
        if self.warmth is not None:
            return self.warmth
        with self._bounded(within_s) as overdue:
            try:
                warmth = self._heard(Warm)
            except JobCrashedError as error:
                reason = f"not ready in {within_s:g} s" if overdue else str(error.args[0])
                raise JobCrashedError(f"while it got ready: {reason}") from error
        self.warmth = warmth
        return warmth

    def outcome(self, job: Job, limit_s: float) -> Outcome:
        """Do a job; raise `JobTimeoutError` or `JobCrashedError` when the child had to be killed, or died."""
        self.jobs += 1
        with self._bounded(limit_s) as overdue:
            try:
                return self._outcome(job, SOFT_SHARE * limit_s)
            except JobCrashedError as error:
                if overdue:
                    raise JobTimeoutError(limit_s) from error
                raise

    def kill(self) -> None:
        """Kill it and all it started, now."""
        with self._ending:
            if self._is_buried:
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
            # It may not lead a group yet.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._death, signal.SIGKILL)

    def bury(self) -> None:
        """Kill it, and forget it once it is dead."""
        self.kill()
        self._process.join()
        with self._ending:
            self._is_buried = True
            self._connection.close()
            os.close(self._death)

    def _outcome(self, job: Job, soft_s: float) -> Outcome:
        try:
            self._connection.send(job)
        except OSError as error:
            raise JobCrashedError(self._cause()) from error
        if not wait([self._connection, self._death], soft_s):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._death, SOFT_LIMIT_SIGNAL)
        return self._heard(Outcome)

    def _heard(self, kind: type[Word]) -> Word:
        if self._connection not in wait([self._connection, self._death]):
            raise JobCrashedError(self._cause())
        try:
            word = self._connection.recv()
        except (EOFError, OSError) as error:
            raise JobCrashedError(self._cause()) from error
        except Exception as error:
            # A decoder that writes where it must not may have written anything.
            raise JobCrashedError(f"it said what nobody can read: {error!r}") from error
        if not isinstance(word, kind):
            raise JobCrashedError(f"it said a {type(word).__name__}")
        return word

    def _cause(self) -> str:
        self._process.join()
        code = self._process.exitcode
        if code is None:
            return "it is gone"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    @contextmanager
    def _bounded(self, limit_s: float) -> Iterator[list[bool]]:
        """Kill the child if the block lasts longer; the list is not empty then."""
        overdue: list[bool] = []

        def end() -> None:
            overdue.append(True)
            self.kill()

        timer = Timer(limit_s, end)
        timer.daemon = True
        timer.start()
        try:
            yield overdue
        finally:
            timer.cancel()
