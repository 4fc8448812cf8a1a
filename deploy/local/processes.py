"""Background processes that outlive the command that started them, and are never mistaken for others."""

import contextlib
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import NotReadyError
from .procfs import living_processes, read_stat
from .state import StateFolder
from .waiting import wait_until

# The grace of a service, and what it takes to close.
STOP_TIMEOUT_S = 45.0
KILL_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Run:
    """One process: a pid alone may belong to somebody else by now, so its start time is part of it."""

    pid: int
    started_ticks: int
    log_offset: int

    def is_alive(self) -> bool:
        stat = read_stat(self.pid)
        return stat is not None and stat.started_ticks == self.started_ticks and not stat.is_dead

    def family(self) -> list[int]:
        """Return the pids alive in the session that this process leads or led."""
        leader = read_stat(self.pid)
        if leader is not None and leader.started_ticks != self.started_ticks:
            return []
        return [member.pid for member in living_processes() if member.session == self.pid]


@dataclass(frozen=True)
class Background:
    """A program in a session of its own, with a log and a record on disk."""

    name: str
    state: StateFolder

    @property
    def log(self) -> Path:
        return self.state.log(self.name)

    @property
    def pid(self) -> int | None:
        run = self._run()
        return run.pid if run and run.is_alive() else None

    def is_running(self) -> bool:
        run = self._run()
        if run is None:
            return False
        _reap(run.pid)
        return run.is_alive()

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start `command`, unless it runs already."""
        if self.is_running():
            return
        log_offset = self.log.stat().st_size if self.log.exists() else 0
        pid = _spawn(command, environment, self.log)
        stat = read_stat(pid)
        run = Run(pid=pid, started_ticks=stat.started_ticks if stat else -1, log_offset=log_offset)
        self.state.record(self.name).write_text(json.dumps(asdict(run)))

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Return when `ready()`; raises `NotReadyError` when the process ends first or time runs out."""
        if not wait_until(lambda: not self.is_running() or ready(), timeout_s=timeout_s):
            raise NotReadyError(self.name, f"was not ready within {timeout_s:g} s", self.log, self.last_line())
        if not self.is_running():
            raise NotReadyError(self.name, "ended at once", self.log, self.last_line())

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Ask the process to end, wait for its whole session, and kill what is left after `timeout_s`."""
        run = self._run()
        if run is None:
            return
        if run.is_alive():
            _signal(run.pid, signal.SIGTERM)
            wait_until(lambda: not _family_of(run), timeout_s=timeout_s)
        self.kill()

    def kill(self) -> None:
        """End the process and its children at once, as a crash would."""
        run = self._run()
        if run is None:
            return
        for pid in run.family():
            _signal(pid, signal.SIGKILL)
        wait_until(lambda: not _family_of(run), timeout_s=KILL_TIMEOUT_S)
        self.state.record(self.name).unlink(missing_ok=True)

    def last_line(self) -> str:
        """Return the last telling line that this run wrote to its log."""
        run = self._run()
        if run is None or not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(run.log_offset)
            return telling_line(log.read().decode(errors="replace"))

    def _run(self) -> Run | None:
        try:
            return Run(**json.loads(self.state.record(self.name).read_text()))
        except FileNotFoundError:
            return None


def telling_line(log: str) -> str:
    """Return the last error that a structured line of `log` carries, or else the last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    raised = (_exception_in(line) for line in reversed(lines))
    return next(filter(None, raised), lines[-1] if lines else "")


def _exception_in(line: str) -> str:
    try:
        fields = json.loads(line)
    except ValueError:
        return ""
    exception = fields.get("exception", "") if isinstance(fields, dict) else ""
    return str(exception).strip().rpartition("\n")[2]


def _spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    # subprocess.Popen warns when it is forgotten while its child runs, and to be forgotten is the purpose here.
    return os.posix_spawn(
        command[0],
        list(command),
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        # Python ignores SIGPIPE, and its children would inherit that.
        setsigdef=[signal.SIGPIPE, signal.SIGINT],
    )


def _family_of(run: Run) -> list[int]:
    family = run.family()
    _reap(run.pid)
    return family


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
