"""Jobs that do what no job should."""

import ctypes
import hashlib
import io
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from chassis.ranged import RangedObject

_kept: list[Any] = []


def crash() -> None:
    """Read where nothing is."""
    ctypes.string_at(0)


def vanish() -> None:
    """Be killed, as when the machine has no memory left."""
    os.kill(os.getpid(), signal.SIGKILL)


def vanish_while_answering() -> object:
    """Be killed in the middle of the answer."""
    return _Deadly()


class _Deadly:
    def __reduce__(self) -> str:
        os.kill(os.getpid(), signal.SIGKILL)
        return ""


def answer_gibberish() -> None:
    """Write into every pipe what no parent can read, as a decoder may that writes where it must not."""
    _say_everywhere(b"junk")


def answer_something_else() -> None:
    """Write into every pipe what no parent expects."""
    _say_everywhere(pickle.dumps("a word"))


def _say_everywhere(word: bytes) -> None:
    for link in Path("/proc/self/fd").iterdir():
        if link.is_socket():
            os.write(int(link.name), struct.pack("!i", len(word)) + word)
    sleep_for_ever()


def sleep_for_ever() -> None:
    """Wait for nothing."""
    while True:
        time.sleep(60)


def compute_for_ever() -> None:
    """Stay in C, where no signal is heard."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)


def ignore_everything() -> None:
    """Do not stop when asked to."""
    for number in (signal.SIGXCPU, signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    sleep_for_ever()


def swallow_memory(size_bytes: int) -> int:
    """Take so much memory."""
    return len(bytearray(size_bytes))


def keep_memory(size_bytes: int) -> None:
    """Take so much memory, and never give it back."""
    _kept.append(bytearray(size_bytes))


def fork_and_stay() -> int:
    """Leave a process behind that holds whatever the child holds."""
    made = os.fork()
    if not made:
        signal.pause()
    return made


def fork_and_go_on() -> int:
    """Be two processes that both return."""
    return os.fork()


def fork_without_end(most: int) -> int:
    """Start processes that start processes, as far as it goes; never more than `most`."""
    made = 0
    while made < most:
        if not os.fork():
            time.sleep(60)
        made += 1
    return made


def start_program() -> None:
    """Run another program."""
    subprocess.run([sys.executable, "-c", ""], check=True)


def open_without_end() -> None:
    """Open files, and close none."""
    while True:
        _kept.append(Path("/dev/null").open())  # noqa: SIM115 (that is the misdeed)


def write_without_end(path: Path) -> None:
    """Write a file that never ends."""
    with path.open("wb") as file:
        while True:
            file.write(bytes(1_000_000))


def connect(address: tuple[str, int]) -> str:
    """Talk to whoever listens there."""
    with socket.create_connection(address, 5) as connection:
        return connection.recv(10).decode()


def send_datagram(address: tuple[str, int]) -> int:
    """Send a word to whoever may hear it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return sender.sendto(b"word", address)


def read_environments() -> str:
    """Read what this process and its parent were told."""
    own = repr(dict(os.environ))
    return own + "".join(repr(_environment(each)) for each in ("self", str(os.getppid())))


def _environment(pid: str) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def kill(pid: int) -> None:
    """End somebody else."""
    os.kill(pid, signal.SIGKILL)


def wait_for(path: Path) -> int:
    """Return once the file is there, as a job does that others must not disturb."""
    while not path.exists():
        time.sleep(0.01)
    return os.getpid()


def read_ranges(url: str, size_bytes: int, times: int) -> bytes:
    """Read an object so many times at once; no misdeed, where it is the store's."""
    with ThreadPoolExecutor(times) as readers:
        return b"".join(readers.map(lambda _: _read(url, size_bytes), range(times)))


def _read(url: str, size_bytes: int) -> bytes:
    with io.BufferedReader(RangedObject(url, size_bytes)) as source:
        return source.read()
