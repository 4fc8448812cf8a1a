"""`.local/env`: what a shell needs to talk to the stack."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from .state import write_private


def write_env_file(path: Path, values: Mapping[str, str]) -> None:
    """Write lines that a POSIX shell can source; the file is its owner's only."""
    write_private(path, "".join(f"export {name}={_quoted(value)}\n" for name, value in values.items()))


def read_env_file(path: Path) -> dict[str, str]:
    """Return the values of such a file, or none when there is no file."""
    if not path.exists():
        return {}
    assignments = [word for word in shlex.split(path.read_text()) if word != "export"]
    return dict(assignment.split("=", maxsplit=1) for assignment in assignments)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\"'\"'") + "'"
