"""Where the gateway is, and the key that opens it: from the environment, or as `login` keeps them."""

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path
from pydantic import BaseModel

from .errors import NotLoggedInError
from .private_files import write_private


@dataclass(frozen=True)
class Credentials:
    """The gateway's URL, without a slash at its end, and an API key."""

    url: str
    api_key: str

    def __repr__(self) -> str:
        return f"Credentials(url={self.url!r})"


class _Kept(BaseModel):
    url: str
    api_key: str


def kept_credentials() -> Credentials:
    """Return `DAWNCHORUS_URL` and `DAWNCHORUS_API_KEY`, or what was kept; raises `NotLoggedInError`.

    A kept key goes to no other URL than the one it was kept with.
    """
    url, api_key = os.environ.get("DAWNCHORUS_URL"), os.environ.get("DAWNCHORUS_API_KEY")
    path = credentials_path()
    kept = _Kept.model_validate_json(path.read_bytes()) if path.exists() else None
    if kept is not None and url is None:
        return Credentials(kept.url, api_key or kept.api_key)
    if kept is not None and api_key is None and url is not None and url.rstrip("/") == kept.url:
        return Credentials(kept.url, kept.api_key)
    if url is None or api_key is None:
        raise NotLoggedInError
    return Credentials(url.rstrip("/"), api_key)


def keep_credentials(credentials: Credentials) -> Path:
    """Keep them in the user's configuration folder; return where."""
    path = credentials_path()
    write_private(path, _Kept(url=credentials.url, api_key=credentials.api_key).model_dump_json())
    return path


def credentials_path() -> Path:
    """Return where they are kept."""
    return user_config_path("dawnchorus") / "credentials.json"
