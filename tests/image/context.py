"""What of the repository a build may see, as .dockerignore says."""

import shutil
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from tests.audio import REPOSITORY


def copied(source: str, target: Path) -> None:
    """Copy a file or folder of the build's context; raises `FileNotFoundError` where nothing of it is in there."""
    patterns = ignore_patterns()
    if not _files(REPOSITORY / source, patterns):
        raise FileNotFoundError(source)
    for path in _files(REPOSITORY / source, patterns):
        place = target / path.relative_to(REPOSITORY / source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)


def ignore_patterns() -> list[str]:
    """Return the lines of .dockerignore that say something."""
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def is_ignored(path: str, patterns: Sequence[str]) -> bool:
    """Return what the last pattern says that matches the path or a folder that holds it."""
    ignored = False
    for pattern in patterns:
        if any(_matches(part, pattern.removeprefix("!")) for part in _prefixes(path)):
            ignored = not pattern.startswith("!")
    return ignored


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(Path(path).name, pattern[3:])
    # In .dockerignore a star does not reach over a slash.
    return path.count("/") == pattern.count("/") and fnmatch(path, pattern)


def _prefixes(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[: length + 1]) for length in range(len(parts))]


def _files(source: Path, patterns: Sequence[str]) -> list[Path]:
    found = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
    return [path for path in found if not is_ignored(path.relative_to(REPOSITORY).as_posix(), patterns)]
