"""How far a job is, told by a child process and read by its parent."""

from pathlib import Path


class ProgressFile:
    """A number in a file, because a child that is killed holds no lock on a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, share: float) -> None:
        """Note, in the child, the share of the job that is done."""
        self._path.write_text(f"{share:.4f}")

    def read(self) -> float:
        """Return, in the parent, the share noted last; 0 while there is none."""
        try:
            return float(self._path.read_text() or 0)
        except FileNotFoundError:
            return 0.0
