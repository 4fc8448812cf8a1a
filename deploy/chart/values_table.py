"""The values of the chart as a table: each with its default and the comment above it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_INDENT = 2
_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z0-9]+):(?: +(?P<value>.+))?$")


@dataclass(frozen=True)
class Value:
    """One setting of the chart: its path in dots, its default as YAML, what its comment says."""

    path: str
    default: str
    comment: str


class UnexplainedValueError(ValueError):
    """A line of the values says nothing of itself."""

    def __str__(self) -> str:
        return f"No comment stands right above {self.args[0]!r}."


def values_of(text: str) -> Iterator[Value]:
    """Return the values that have a default of their own. Raises `UnexplainedValueError`.

    Of YAML it reads what we write: two blanks a level, and lists and single objects on the line of their key.
    """
    path: list[str] = []
    comment = ""
    for line in filter(str.strip, text.splitlines()):
        match = _KEY.match(line)
        if match is None:
            comment = line.strip().removeprefix("#").strip()
            continue
        if not comment:
            raise UnexplainedValueError(line.strip())
        path = [*path[: len(match["indent"]) // _INDENT], match["key"]]
        if match["value"] is not None:
            yield Value(".".join(path), match["value"], comment)
        comment = ""


def table(text: str) -> str:
    """Return the values as a Markdown table."""
    rows = [f"| `{each.path}` | `{each.default}` | {each.comment} |" for each in values_of(text)]
    return "\n".join(["| value | default | meaning |", "|---|---|---|", *rows])
