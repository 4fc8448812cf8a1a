"""The folder that holds all a local stack leaves on disk: state, logs, process records, secrets."""

import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StateFolder:
    """One stack's files, below one root."""

    root: Path

    def log(self, name: str) -> Path:
        return self._made("logs") / f"{name}.log"

    def record(self, name: str) -> Path:
        return self._made("run") / f"{name}.json"

    def of(self, name: str) -> Path:
        return self._made(name)

    def secret(self, name: str) -> str:
        """Return the secret of this name; it is made once and kept."""
        path = self._made("secrets") / name
        if not path.exists():
            write_private(path, secrets.token_hex(16))
        return path.read_text()

    def _made(self, name: str) -> Path:
        # Recordings, logs and secrets are nobody else's.
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        return folder


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, at no moment half written."""
    draft = path.with_name(f".{path.name}.draft")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
