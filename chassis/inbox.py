"""The inbox: a part of our own bucket from which recordings are taken in, one folder per project."""

import re
from typing import ClassVar

from .errors import UnprocessableError

_SCHEME = "s3://"
# rclone, the local stack's S3, hangs on such keys; nobody else's objects have them, either.
_ODD = re.compile(r"//|(^|/)\.\.?(/|$)|[\x00-\x1f\x7f]")
_KEY_BYTES_MAX = 1024


class ForeignUriError(UnprocessableError):
    """The URI names nothing that the project may take in."""

    code: ClassVar[str] = "foreign_uri"
    next_step: ClassVar[str] = "Put the object into your project's inbox, and name it there."

    def __init__(self, uri: str, inbox: str) -> None:
        super().__init__(uri, inbox)

    def __str__(self) -> str:
        return f"{self.args[0][:200]} is no object below {self.args[1]}."


def inbox_uri(bucket: str, prefix: str, project_id: str) -> str:
    """Return where a project's inbox is."""
    return f"{_SCHEME}{bucket}/{prefix}{project_id}/"


def inbox_key(uri: str, inbox: str) -> str:
    """Return the key of the object at `uri`. Raises `ForeignUriError` where it is not in the inbox."""
    key = uri.removeprefix(_SCHEME).partition("/")[2]
    is_within = uri.startswith(inbox) and len(uri) > len(inbox) and not uri.endswith("/")
    if not is_within or _ODD.search(key) or len(key.encode(errors="replace")) > _KEY_BYTES_MAX:
        raise ForeignUriError(uri, inbox)
    return key
