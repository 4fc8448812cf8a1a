"""What an image weighs, needs and holds: sizes, libraries of its base, files it may write, memory of its processes."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.procfs import living_processes

from .building import Image

# What every Debian with a CPython has.
_OF_THE_BASE = {
    *("libc", "libm", "libmvec", "libdl", "libpthread", "librt", "libutil", "libresolv"),
    *("libgcc_s", "libstdc++", "libz", "ld-linux-x86-64", "linux-vdso"),
}
# Numba looks for them, and takes its own threads where they are not there.
_OPTIONAL = {"libgomp", "libtbb"}
_NEEDED = re.compile(r"^\s+(\S+?)\.so\S*(?: => (\S+|not found))?", re.MULTILINE)
_SAMPLE_EVERY_S = 0.5


def size_mb(*folders: Path) -> float:
    """Return what the folders' files take on disk, what is linked twice once."""
    found = {
        (stat.st_dev, stat.st_ino): stat.st_blocks
        for folder in folders
        for path in folder.rglob("*")
        if not path.is_symlink() and (stat := path.stat())
    }
    return sum(found.values()) * 512 / 1e6


def missing_libraries(image: Image) -> set[str]:
    """Return the shared libraries that are neither in the image nor in a slim Debian."""
    venv = image.variables()["VENV"]
    programs = [str(path) for path in Path(venv).rglob("*.so*") if path.is_file()]
    heard = subprocess.run(["ldd", *programs], capture_output=True, text=True, timeout=120)
    outside = {Path(name).name for name, where in _NEEDED.findall(heard.stdout) if not where.startswith(venv)}
    return outside - _OF_THE_BASE - _OPTIONAL


def writable(image: Image) -> list[str]:
    """Return what the image's user may write, beside its `/tmp`."""
    user = int(image.user.partition(":")[0])
    outside_tmp = (path for path in image.root.rglob("*") if not path.is_relative_to(image.root / "tmp"))
    return [str(path) for path in outside_tmp if not path.is_symlink() and _may_write(path, user)]


def _may_write(path: Path, user: int) -> bool:
    stat = path.stat()
    return bool(stat.st_mode & 0o002) or (stat.st_uid == user and bool(stat.st_mode & 0o200))


@contextmanager
def watched(sessions: Mapping[str, int]) -> Iterator[Callable[[], dict[str, float]]]:
    """Watch the memory of services, given by the pids of their sessions; yields what returns the peaks, in MB."""
    peaks = dict.fromkeys(sessions, 0.0)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_SAMPLE_EVERY_S):
            now = memories_mb(sessions)
            peaks.update({name: max(peaks[name], now[name]) for name in peaks})

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield lambda: dict(peaks)
    finally:
        ended.set()
        watching.join()


def memories_mb(sessions: Mapping[str, int]) -> dict[str, float]:
    """Return the memory of services and their children, shared pages counted once (proc(5): Pss)."""
    names = {session: name for name, session in sessions.items()}
    found = dict.fromkeys(sessions, 0.0)
    for each in living_processes():
        if each.session in names:
            found[names[each.session]] += _pss_kb(each.pid) * 1024 / 1e6
    return found


def _pss_kb(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def compiled(folder: Path) -> dict[str, bytes]:
    """Return what lies in a folder of compiled functions, by the files' names."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.nb[ci]")}
