"""What a child process may take and do, set by itself before its first job."""

import ctypes
import os
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from .syscalls import refuse_what_no_job_needs

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_AUTOGROUP = Path("/proc/self/autogroup")
_AUTOGROUP_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may take.

    niceness     the higher (0 to 19), the more it leaves the processor to others
    is_confined  without connections of its own and without other processes, where the kernel can see to that
    """

    memory_bytes: int
    file_bytes: int = 4_000_000_000
    descriptors: int = 512
    niceness: int = 0
    is_confined: bool = True


def confine(parent: int, limits: Limits) -> str | None:
    """Die with `parent`, lead a process group, keep to `limits`; return why the kernel filters no calls, or None."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _yield_to_others(limits.niceness)
    if os.getpgid(0) != os.getpid():
        # So that what a job has started can be killed with it.
        os.setpgid(0, 0)
    for kind, most in _bounds(limits).items():
        resource.setrlimit(kind, (most, most))
    return refuse_what_no_job_needs() if limits.is_confined else "switched off"


def _bounds(limits: Limits) -> dict[int, int]:
    return {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.descriptors,
    }


def _yield_to_others(niceness: int) -> None:
    os.nice(niceness)
    if niceness and os.access(_AUTOGROUP, os.W_OK):
        # Where Linux shares the processor among sessions first (sched(7), "The autogroup feature"), niceness counts
        # within the service's own only: the other services and the servers would gain nothing by it.
        os.setsid()
        while not _write_group_niceness(niceness):
            time.sleep(_AUTOGROUP_PAUSE_S)


def _write_group_niceness(niceness: int) -> bool:
    try:
        _AUTOGROUP.write_text(str(niceness))
    except BlockingIOError:
        # The kernel takes one such wish in a tenth of a second from all who are not root.
        return False
    return True
