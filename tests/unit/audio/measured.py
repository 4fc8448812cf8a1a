"""Decode recordings in children of a small process, and tell what each said and what it cost; a program, too."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from audio.decode import AudioLimits, open_audio
from audio.errors import AudioError
from audio.probe import probe
from tests.audio import REPOSITORY

# The kernel kills a child that wants more.
CPU_LIMIT_S = 5
_MEMORY_LIMIT_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """How one decoding ended.

    ended    `decoded`, `truncated`, the code of an `AudioError`, or what else happened
    peak_mb  of memory, with the 100 MB that Python and the libraries take
    """

    ended: str
    cpu_s: float
    peak_mb: float


class Meter:
    """The process that measures."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def decode(self, recording: Path) -> Measured:
        """Probe and decode `recording` in a child of its own."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{recording}\n")
        self._process.stdin.flush()
        return Measured(**json.loads(self._process.stdout.readline()))


@contextmanager
def meter() -> Iterator[Meter]:
    command = [sys.executable, "-m", "tests.unit.audio.measured"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield Meter(process)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    # Imported before the first fork, as in a warm child.
    import audio.libav  # noqa: F401

    for line in sys.stdin:
        sys.stdout.write(json.dumps(asdict(_measured(Path(line.rstrip("\n"))))) + "\n")
        sys.stdout.flush()


def _measured(recording: Path) -> Measured:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _limit()
        os.write(writing, _ended(recording).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        ended = said.read()
    _, status, used = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        ended = signal.Signals(os.WTERMSIG(status)).name
    return Measured(ended, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A decoder that waits uses no CPU.
    signal.alarm(60)


def _ended(recording: Path) -> str:
    limits = AudioLimits()
    try:
        with open_audio(recording, probe(recording, limits).container, limits) as stream:
            for _ in stream.blocks():
                pass
            return "truncated" if stream.truncated else "decoded"
    except AudioError as error:
        return error.code
    except BaseException as error:  # noqa: BLE001 (told to the test, which fails)
        return repr(error)


if __name__ == "__main__":
    _serve()
