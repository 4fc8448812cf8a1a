"""Where the gateway is, and the key that opens it: from the environment, or as `login` keeps them."""

import os
from dataclasses import dataclass
from pathlib import Path

import httpx
from platformdirs import user_config_path
from pydantic import BaseModel

from .errors import BadUrlError, NotLoggedInError
from .private_files import write_private


@dataclass(frozen=True)
class Credentials:
    """The gateway's URL, without a slash at its end, and an API key."""

    url: str
    api_key: str

    @classmethod
    def of(cls, url: str, api_key: str) -> "Credentials":
        """Return what a user gave; raises `BadUrlError`."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise BadUrlError(url) from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise BadUrlError(url)
        return cls(url.rstrip("/"), api_key)

    def __repr__(self) -> str:
        return f"Credentials(url={self.url!r})"


class _Kept(BaseModel):
    url: str
    api_key: str


def kept_credentials() -> Credentials:
    """Return `DAWNCHORUS_URL` and `DAWNCHORUS_API_KEY`, or what was kept; raises `NotLoggedInError`.

    A kept key goes to no other URL than the one it was kept with.
    """
    url, api_key = os.environ.get("DAWNCHORUS_URL") or None, os.environ.get("DAWNCHORUS_API_KEY") or None
    path = credentials_path()
    kept = _Kept.model_validate_json(path.read_bytes()) if path.exists() else None
    if kept is not None and url is None:
        return Credentials(kept.url, api_key or kept.api_key)
    if kept is not None and api_key is None and url is not None and url.rstrip("/") == kept.url:
        return Credentials(kept.url, kept.api_key)
    if url is None or api_key is None:
        raise NotLoggedInError
    return Credentials.of(url, api_key)


def keep_credentials(credentials: Credentials) -> Path:
    """Keep them in the user's configuration folder; return where."""
    path = credentials_path()
    write_private(path, _Kept(url=credentials.url, api_key=credentials.api_key).model_dump_json())
    return path


def credentials_path() -> Path:
    """Return where they are kept."""
    return user_config_path("dawnchorus") / "credentials.json"
