"""Which uploads in parts were begun, so that the next command goes on with them."""

import hashlib
from pathlib import Path

from platformdirs import user_state_path

from .private_files import write_private


class UnfinishedUploads:
    """A file per upload, named after where its bytes go: two commands at once do not disturb each other."""

    def __init__(self, url: str, folder: Path | None = None) -> None:
        self._url = url
        self._folder = folder or user_state_path("dawnchorus") / "uploads"

    def begun(self, project: str | None, sha256: str) -> str | None:
        """Return the id of the upload of these bytes that was begun, if one was."""
        path = self._path(project, sha256)
        return path.read_text() if path.exists() else None

    def begin(self, project: str | None, sha256: str, upload_id: str) -> None:
        """Remember that an upload was begun."""
        write_private(self._path(project, sha256), upload_id)

    def end(self, project: str | None, sha256: str) -> None:
        """Forget it."""
        self._path(project, sha256).unlink(missing_ok=True)

    def _path(self, project: str | None, sha256: str) -> Path:
        return self._folder / hashlib.sha256(f"{self._url}\n{project or ''}\n{sha256}".encode()).hexdigest()
