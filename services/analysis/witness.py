"""Who was at work when a job died: a byte in a mapped file, which outlives the process that wrote it."""

import mmap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 0
_FILE_NAME = "witness"


class Witness:
    """Notes in the child which extractor runs; where there is no scratch folder, nothing is noted."""

    def __init__(self, scratch: Path | None) -> None:
        """Map the file; its only byte says nobody."""
        self._map: mmap.mmap | None = None
        if scratch is None:
            return
        path = scratch / _FILE_NAME
        path.write_bytes(bytes([_NOBODY]))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 1)

    @contextmanager
    def watching(self, index: int) -> Iterator[None]:
        """Note that inside the block the extractor at `index` of the plan is at work, also when it raises."""
        self._note(index + 1)
        yield
        # Not in a `finally`: what leaves by an error ends the job, and the parent shall see who ended it.
        self._note(_NOBODY)

    def _note(self, value: int) -> None:
        if self._map is not None:
            self._map[0] = value


def last_at_work(scratch: Path, extractors: Sequence[str]) -> str | None:
    """Return, in the parent, the extractor that was at work last; None when none was."""
    path = scratch / _FILE_NAME
    noted = path.read_bytes() if path.exists() else b""
    if not noted or noted[0] == _NOBODY:
        return None
    return extractors[noted[0] - 1]
