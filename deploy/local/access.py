"""The door of a running stack: its URL and an API key, kept in `.local/env`."""

import subprocess
import sys
from dataclasses import dataclass

import httpx

from .env_file import read_env_file, write_env_file
from .errors import ApiKeyError
from .layout import Layout

KEY_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 10.0
# Whoever starts the stack operates it, and the pages for operators use this key.
SCOPES = [f"--scope={name}" for name in ("read", "write", "manage", "operate")]
KEPT = (
    "AMQP_URL",
    "MONGODB_URL",
    "S3_ENDPOINT_URL",
    "S3_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY",
    "S3_BUCKET",
    "DAWNCHORUS_INTERNAL_TOKEN",
)


@dataclass(frozen=True)
class Access:
    """What a client needs."""

    url: str
    api_key: str


def open_access(layout: Layout) -> Access:
    """Return the way in, with the kept API key if the gateway still takes it, or a new one."""
    url = layout.gateway.url
    key = read_env_file(layout.env_file).get("DAWNCHORUS_API_KEY")
    if key is None or not _is_accepted(url, key):
        key = _new_key(layout)
    access = Access(url, key)
    own = {"DAWNCHORUS_URL": url, "DAWNCHORUS_API_KEY": key}
    write_env_file(layout.env_file, own | {name: layout.settings[name] for name in KEPT})
    return access


def _is_accepted(url: str, key: str) -> bool:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(f"{url}/v1/recordings", params={"limit": 1}, headers=headers, timeout=ANSWER_TIMEOUT_S)
    return answer.status_code != httpx.codes.UNAUTHORIZED


def _new_key(layout: Layout) -> str:
    keys = [sys.executable, "-m", "services.gateway", "keys", "create"]
    command = [*keys, "--project", "default", "--name", "local", *SCOPES]
    made = subprocess.run(
        command,
        env=layout.gateway.environment(),
        capture_output=True,
        text=True,
        timeout=KEY_TIMEOUT_S,
        check=False,
    )
    key = next((line for line in made.stdout.splitlines() if line.startswith("dc_")), None)
    if key is None:
        raise ApiKeyError(_last_line(made.stderr or made.stdout))
    return key.strip()


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
