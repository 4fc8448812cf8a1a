"""Run a service as its image would: its own environment, its own user, and nothing of this machine but its base."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import LOOPBACK
from deploy.local.services import Service
from tests.system import MakeService

from .building import Image

_COMMAND_TIMEOUT_S = 60.0
# Where S3 keeps its files is no folder of an image, and only root reads it here.
_OF_THIS_MACHINE = {"DAWNCHORUS_BUCKET_FOLDER"}


@dataclass(frozen=True)
class ImageService(Service):
    """A service that is started by the entry point of its image."""

    image: Image

    def start(self) -> None:
        self.process.start(in_image(self.image, self._entrypoint()), self.environment())

    def environment(self) -> dict[str, str]:
        """Return what the image and the settings say, and nothing else."""
        own = {"DAWNCHORUS_HOST": LOOPBACK, "DAWNCHORUS_PORT": str(self.port)}
        settings = {name: value for name, value in self.settings.items() if name not in _OF_THIS_MACHINE}
        return {**self.image.variables(), **settings, **own}

    def run(self, *arguments: str) -> str:
        """Return what the entry point prints when it is given arguments, as `docker run IMAGE keys list` would."""
        return self._ran([*self._entrypoint(), *arguments])

    def is_healthy(self) -> bool:
        """Return what the image's own health check says."""
        command = in_image(self.image, self.image.healthcheck)
        found = subprocess.run(command, env=self.environment(), timeout=_COMMAND_TIMEOUT_S, capture_output=True)
        return found.returncode == 0

    def _ran(self, command: Sequence[str]) -> str:
        ran = subprocess.run(
            in_image(self.image, command),
            env=self.environment(),
            timeout=_COMMAND_TIMEOUT_S,
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout.strip()

    def _entrypoint(self) -> list[str]:
        program, *arguments = self.image.entrypoint
        return [str(self.image.place(program)), *arguments]


def services_of(images: dict[str, Image]) -> MakeService:
    """Return what makes services of images."""
    return lambda name, state, port, settings: ImageService(name, state, port, settings, images[name])


def in_image(image: Image, command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` where the image would, as the user that it would be.

    Only root can become another user, and only where that user can run the interpreter. Otherwise it is run by us.
    """
    there = ["/usr/bin/env", "-C", str(image.place(".")), *command]
    if os.geteuid() != 0 or is_roots_alone(Path(image.variables()["VENV"], "bin", "python")):
        return there
    user, _, group = image.user.partition(":")
    return ["/usr/bin/setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs", *there]


def imports(image: Image, module: str) -> bool:
    """Return whether a module of this repository can be imported in the image."""
    command = in_image(image, [str(Path(image.variables()["VENV"], "bin", "python")), "-c", f"import {module}"])
    ran = subprocess.run(command, env=image.variables(), timeout=_COMMAND_TIMEOUT_S, capture_output=True, text=True)
    if ran.returncode and "ModuleNotFoundError" not in ran.stderr:
        raise RuntimeError(ran.stderr)
    return ran.returncode == 0


def is_roots_alone(program: Path) -> bool:
    """Return whether others than root cannot reach a program."""
    return any(not folder.stat().st_mode & 0o001 for folder in program.resolve().parents)
