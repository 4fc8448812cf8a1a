"""A filter of system calls: a job needs neither a connection of its own, nor another process, nor another's memory."""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000
_KILL = 0x80000000

_LOAD = 0x20
_IF_EQUAL = 0x15
_IF_AT_LEAST = 0x35
_IF_ANY_BIT = 0x45
_RETURN = 0x06

# Where struct seccomp_data has them.
_NUMBER_AT = 0
_ARCHITECTURE_AT = 4
_ARGUMENTS_AT = 16

_SET_MODE_FILTER = 1
_FOR_ALL_THREADS = 1
# Numbers from here on are the calls with 32-bit pointers, which would pass by every rule (seccomp(2), "x32").
_X32 = 0x40000000

_AF_UNIX = 1
_CLONE_THREAD = 0x00010000
_MSG_FASTOPEN = 0x20000000

_X86_64 = {
    "socket": 41,
    "connect": 42,
    "sendto": 44,
    "sendmsg": 46,
    "sendmmsg": 307,
    "seccomp": 317,
    "clone": 56,
    "fork": 57,
    "vfork": 58,
    "clone3": 435,
    "execve": 59,
    "execveat": 322,
    "kill": 62,
    "tkill": 200,
    "tgkill": 234,
    "rt_sigqueueinfo": 129,
    "rt_tgsigqueueinfo": 297,
    "pidfd_send_signal": 424,
    "ptrace": 101,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "pidfd_getfd": 438,
    "io_uring_setup": 425,
}
_AARCH64 = {
    "socket": 198,
    "connect": 203,
    "sendto": 206,
    "sendmsg": 211,
    "sendmmsg": 269,
    "seccomp": 277,
    "clone": 220,
    "clone3": 435,
    "execve": 221,
    "execveat": 281,
    "kill": 129,
    "tkill": 130,
    "tgkill": 131,
    "rt_sigqueueinfo": 138,
    "rt_tgsigqueueinfo": 240,
    "pidfd_send_signal": 424,
    "ptrace": 117,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "pidfd_getfd": 438,
    "io_uring_setup": 425,
}
_MACHINES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}

_libc = ctypes.CDLL(None, use_errno=True)


class _When(Enum):
    """The instruction that looks at an argument, and how many to skip where it holds, and where not."""

    UNLESS_EQUAL = (_IF_EQUAL, 1, 0)
    UNLESS_SET = (_IF_ANY_BIT, 1, 0)
    IF_SET = (_IF_ANY_BIT, 0, 1)


@dataclass(frozen=True, slots=True)
class _Rule:
    """Refuse the system call `name`, always or as `argument` compares with `value`."""

    name: str
    error: int = errno.EPERM
    argument: int = 0
    when: _When | None = None
    value: int = 0


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def refuse_what_no_job_needs() -> str | None:
    """Filter the system calls of all threads, for good; return why the kernel does not, or None.

    Who is not root must have given up new privileges before.
    """
    machine = platform.machine()
    if machine not in _MACHINES:
        return f"no filter is known for {machine}"
    architecture, numbers = _MACHINES[machine]
    instructions = b"".join(_instructions(architecture, numbers))
    program = _Program(len(instructions) // 8, instructions)
    filter_ = (_SET_MODE_FILTER, _FOR_ALL_THREADS, ctypes.byref(program))
    return os.strerror(ctypes.get_errno()) if _libc.syscall(numbers["seccomp"], *filter_) else None


def _rules() -> Iterator[_Rule]:
    # Sockets come from the parent, and connected (`dialing`); nothing leads one elsewhere.
    yield _Rule("socket", errno.EACCES, 0, _When.UNLESS_EQUAL, _AF_UNIX)
    yield _Rule("connect", errno.EACCES)
    yield _Rule("sendto", errno.EACCES, 3, _When.IF_SET, _MSG_FASTOPEN)
    yield _Rule("sendmsg", errno.EACCES, 2, _When.IF_SET, _MSG_FASTOPEN)
    yield _Rule("sendmmsg", errno.EACCES, 3, _When.IF_SET, _MSG_FASTOPEN)
    yield _Rule("io_uring_setup")
    # Threads are made as ever. What clone3 is asked for lies in memory, where no filter looks: the C library goes back
    # to clone when it hears that there is none.
    yield _Rule("clone", errno.EPERM, 0, _When.UNLESS_SET, _CLONE_THREAD)
    yield _Rule("clone3", errno.ENOSYS)
    for name in ("fork", "vfork", "execve", "execveat"):
        yield _Rule(name)
    yield _Rule("kill", errno.EPERM, 0, _When.UNLESS_EQUAL, os.getpid())
    yield _Rule("tgkill", errno.EPERM, 0, _When.UNLESS_EQUAL, os.getpid())
    for name in ("tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"):
        yield _Rule(name)
    for name in ("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd"):
        yield _Rule(name)


def _instructions(architecture: int, numbers: dict[str, int]) -> Iterator[bytes]:
    yield _instruction(_LOAD, _ARCHITECTURE_AT)
    yield _instruction(_IF_EQUAL, architecture, if_true=1)
    yield _instruction(_RETURN, _KILL)
    yield _instruction(_LOAD, _NUMBER_AT)
    yield _instruction(_IF_AT_LEAST, _X32, if_false=1)
    yield _instruction(_RETURN, _REFUSE | errno.ENOSYS)
    for rule in _rules():
        if rule.name in numbers:
            verdict = list(_verdict(rule))
            yield _instruction(_IF_EQUAL, numbers[rule.name], if_false=len(verdict))
            yield from verdict
    yield _instruction(_RETURN, _ALLOW)


def _verdict(rule: _Rule) -> Iterator[bytes]:
    if rule.when is not None:
        test, if_true, if_false = rule.when.value
        yield _instruction(_LOAD, _ARGUMENTS_AT + 8 * rule.argument)
        yield _instruction(test, rule.value, if_true=if_true, if_false=if_false)
    yield _instruction(_RETURN, _REFUSE | rule.error)
    if rule.when is not None:
        yield _instruction(_RETURN, _ALLOW)


def _instruction(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
