"""A Dockerfile as the steps of its stages: the part of the language that ours uses, and an error for the rest."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_KNOWN = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT"}
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_FLAG = re.compile(r"--[\w-]+(?:=\S+)?\s+")


class UnknownStepError(Exception):
    """A step that is not understood here must not be skipped."""

    def __init__(self, step: str) -> None:
        super().__init__(f"The Dockerfile has a step that these tests cannot follow: {step}")


@dataclass(frozen=True)
class Step:
    """One instruction, without its flags: `COPY`, `("--from=packages",)`, `/opt/venv /opt/venv`."""

    word: str
    flags: tuple[str, ...]
    text: str

    def words(self, variables: Mapping[str, str]) -> list[str]:
        """Return what follows the instruction, its variables replaced."""
        return shlex.split(expanded(self.text, variables))

    def command(self) -> list[str]:
        """Return the command in JSON that is the instruction's whole, or what follows CMD in it."""
        given: list[str] = json.loads(self.text.removeprefix("CMD").strip())
        return given


@dataclass(frozen=True)
class Stage:
    """What a FROM begins: the name of the stage or image that it is built on, its own name, its steps."""

    base: str
    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Dockerfile:
    """The arguments before the first FROM, and the stages."""

    arguments: Mapping[str, str]
    stages: tuple[Stage, ...]


def read_dockerfile(path: Path) -> Dockerfile:
    """Return what the file says; raises `UnknownStepError`."""
    steps = list(_steps(path.read_text()))
    starts = [number for number, step in enumerate(steps) if step.word == "FROM"]
    arguments = dict(argument(step, {}) for step in steps[: starts[0]])
    ends = [*starts[1:], len(steps)]
    return Dockerfile(
        arguments, tuple(_stage(steps[start:end], arguments) for start, end in zip(starts, ends, strict=True))
    )


def argument(step: Step, variables: Mapping[str, str]) -> tuple[str, str]:
    """Return the name of an ARG, and its default."""
    name, _, default = step.text.partition("=")
    return name, expanded(default, variables)


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Replace the variables that `text` names; raises `KeyError` where there is none."""
    return _VARIABLE.sub(lambda found: variables[found[1] or found[2]], text)


def _stage(steps: list[Step], arguments: Mapping[str, str]) -> Stage:
    base, _, name = steps[0].words(arguments)
    return Stage(base, name, tuple(steps[1:]))


def _steps(text: str) -> Iterator[Step]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            yield _step(line.strip())


def _step(line: str) -> Step:
    word, _, rest = line.partition(" ")
    if word not in _KNOWN:
        raise UnknownStepError(line)
    flags, rest = [], rest.strip()
    while found := _FLAG.match(rest):
        flags.append(found[0].strip())
        rest = rest[found.end() :]
    return Step(word, tuple(flags), rest.strip())
