"""`dawnchorus` as a program of its own, for tests."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.audio import REPOSITORY
from tests.system import System

_TIMEOUT_S = 150


@dataclass(frozen=True)
class CommandLine:
    """The command in an environment of its own; `variables` are all that it has."""

    variables: dict[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            _command(*words),
            env=self.variables,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )

    def json(self, *words: str) -> Any:
        """Return what it says to programs; fail where it fails."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start it, and leave it alone."""
        return subprocess.Popen(_command(*words), env=self.variables, cwd=REPOSITORY, stdout=subprocess.DEVNULL)

    def with_variables(self, **variables: str) -> "CommandLine":
        """Return it with other variables."""
        return CommandLine({**self.variables, **variables})


def command_line_of(system: System, home: Path, key: str | None = None) -> CommandLine:
    """Return the command for a running system; it keeps its files in `home`."""
    own = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(home / "config"), "XDG_STATE_HOME": str(home / "state")}
    return CommandLine({**own, "DAWNCHORUS_URL": url_of(system), "DAWNCHORUS_API_KEY": key or key_of(system)})


def url_of(system: System) -> str:
    """Return the gateway's URL."""
    return str(system.client.base_url).rstrip("/")


def key_of(system: System) -> str:
    """Return the key of the system's own client."""
    return str(system.client.headers["authorization"].removeprefix("Bearer "))


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "client", *words]
