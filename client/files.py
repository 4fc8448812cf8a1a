"""Recordings on this computer: found in folders, hashed, and sent piece by piece."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

_PIECE_BYTES = 256 * 1024
# Of folders only these are sent; a path that is named is sent whatever it is called.
_SUFFIXES = frozenset(
    (
        *(".wav", ".wave", ".rf64", ".w64", ".aif", ".aiff", ".aifc", ".caf", ".flac", ".mp3", ".ogg", ".oga", ".opus"),
        *(".m4a", ".aac", ".mp4", ".mov", ".mkv", ".mka", ".webm"),
    )
)

Told = Callable[[int], None]


@dataclass(frozen=True)
class LocalRecording:
    """A file, as it was when it was hashed."""

    path: Path
    size_bytes: int
    sha256: str

    @classmethod
    def at(cls, path: Path) -> "LocalRecording":
        """Read the file once. Raises `OSError`."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            return cls(path, file.tell(), digest.hexdigest())


class FileSlice(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A part of a file as the body of a request, as often as it has to be sent; tells how many bytes left."""

    def __init__(self, path: Path, offset_bytes: int, size_bytes: int, told: Told) -> None:
        self._path = path
        self._offset_bytes = offset_bytes
        self.size_bytes = size_bytes
        self._told = told
        self._sent_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        self._told(-self._sent_bytes)
        self._sent_bytes = 0
        with self._path.open("rb") as file:
            file.seek(self._offset_bytes)
            while piece := file.read(min(_PIECE_BYTES, self.size_bytes - self._sent_bytes)):
                yield piece
                self._sent_bytes += len(piece)
                self._told(len(piece))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # A quarter of a megabyte comes from the disk sooner than from a thread.
        for piece in self:
            yield piece


def found_recordings(paths: Sequence[Path]) -> list[Path]:
    """Return the files that are named, and the recordings in the folders that are, each once."""
    found: dict[Path, None] = {}
    for path in paths:
        within = sorted(each for each in path.rglob("*") if _is_recording(each)) if path.is_dir() else [path]
        found.update(dict.fromkeys(within))
    return list(found)


def _is_recording(path: Path) -> bool:
    # macOS leaves `._name.wav` beside each file on foreign disks.
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file()
