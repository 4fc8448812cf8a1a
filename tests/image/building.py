"""Follow the Dockerfile's steps in a folder: what would be `/app` in the image is `app` in the folder of its stage."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.audio import REPOSITORY

from .context import copied
from .dockerfile import Stage, Step, argument, expanded, read_dockerfile

DOCKERFILE = REPOSITORY / "deploy" / "Dockerfile"
# A command that named a place in itself would change this machine.
_PLACE = re.compile(r"(?<![\w.:$}\"/])/\w")
_BUILD_TIMEOUT_S = 1200.0


class PlaceInCommandError(Exception):
    """A command is followed only where the places it names are variables."""

    def __init__(self, command: str) -> None:
        super().__init__(f"Let this command name its places by variables of ENV, so that it can be followed: {command}")


@dataclass
class Image:
    """What is known of an image while its steps are followed; `root` is what would be `/`.

    environment   what programs in it find in their environment, places of the image as they are in the Dockerfile
    """

    root: Path
    arguments: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    healthcheck: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()

    def place(self, path: str) -> Path:
        """Return where something of the image is."""
        return self.root / os.path.normpath(f"{self.workdir}/{path}" if not path.startswith("/") else path).lstrip("/")

    def variables(self) -> dict[str, str]:
        """Return the environment with the places of this machine."""
        here = {name: str(self.place(value)) for name, value in self.environment.items() if value.startswith("/")}
        # What is not in the virtual environment is of the image's base, and the base is this machine.
        return {**self.environment, **here, "PATH": f"{here['VENV']}/bin:/usr/bin:/bin"}


Run = Callable[[str, Image], None]


def build(folder: Path, service: str, run: Run) -> Image:
    """Follow every stage for one service, with `run` for the commands; return the last stage's image."""
    dockerfile = read_dockerfile(DOCKERFILE)
    images: dict[str, Image] = {}
    given = {**dockerfile.arguments, "SERVICE": service}
    for stage in dockerfile.stages:
        images[stage.name] = image = _begun(stage, images, folder / stage.name)
        for step in stage.steps:
            if step.word == "RUN":
                run(step.text, image)
            else:
                _follow(step, image, images, given)
    return images[dockerfile.stages[-1].name]


def running(python: Path) -> Run:
    """Return what runs commands as they are, with `python` as that of the base image."""

    def run(command: str, image: Image) -> None:
        if _PLACE.search(command):
            raise PlaceInCommandError(command)
        # As a script, because a link to an interpreter is taken for another installation.
        base = image.root.parent / "bin" / "python"
        base.parent.mkdir(exist_ok=True)
        base.write_text(f'#!/bin/sh\nexec {python} "$@"\n')
        base.chmod(0o755)
        own = image.variables()
        path = f"{own['VENV']}/bin:{base.parent}:/usr/bin:/bin"
        environment = {**_inherited(), **image.arguments, **own, "PATH": path}
        subprocess.run(
            ["sh", "-euc", command], cwd=image.place("."), env=environment, check=True, timeout=_BUILD_TIMEOUT_S
        )

    return run


def borrowing(command: str, image: Image) -> None:
    """Run nothing; the packages are those of the interpreter that runs this, and nothing is compiled."""
    own = image.variables()
    packages = Path(own["VENV"], "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
    if " -m venv " in command:
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", own["VENV"]], check=True, timeout=_BUILD_TIMEOUT_S
        )
        (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    elif "$COMPILED" in command:
        Path(own["COMPILED"]).mkdir()


def _begun(stage: Stage, images: Mapping[str, Image], root: Path) -> Image:
    root.mkdir(parents=True)
    (root / "tmp").mkdir(mode=0o777)
    (root / "tmp").chmod(0o1777)
    base = images.get(stage.base)
    return Image(root, arguments={}, environment=dict(base.environment) if base else {})


def _follow(step: Step, image: Image, images: Mapping[str, Image], given: Mapping[str, str]) -> None:
    known = {**image.arguments, **image.environment}
    match step.word:
        case "ARG":
            name, default = argument(step, known)
            image.arguments[name] = given.get(name, default)
        case "ENV":
            image.environment |= dict(_pairs(step, known))
        case "WORKDIR":
            image.workdir = expanded(step.text, known)
            image.place(".").mkdir(parents=True, exist_ok=True)
        case "USER":
            image.user = expanded(step.text, known)
        case "HEALTHCHECK":
            image.healthcheck = tuple(step.command())
        case "ENTRYPOINT":
            image.entrypoint = tuple(step.command())
        case "COPY":
            _copy(step, image, images, known)


def _pairs(step: Step, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for pair in step.words(known):
        name, _, value = pair.partition("=")
        yield name, value


def _copy(step: Step, image: Image, images: Mapping[str, Image], known: Mapping[str, str]) -> None:
    source, target = step.words(known)
    if not step.flags:
        copied(source, image.place(target))
        return
    (flag,) = step.flags
    shutil.copytree(
        images[flag.removeprefix("--from=")].place(source), image.place(target), symlinks=True, copy_function=os.link
    )


def _inherited() -> dict[str, str]:
    # Where packages come from, and nothing else of this machine.
    return {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_", "HTTP"))}
