"""The logs of the parts, each line behind its part's name."""

import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .layout import Layout

SHOWN_LINES = 20


def print_logs(layout: Layout, names: Sequence[str]) -> None:
    """Print the last lines of the named parts' logs (the services', by default); on a terminal, go on."""
    parts = [part for part in (*layout.servers, *layout.services) if not names or part.name in names]
    logs = [part.process.log for part in (parts if names else layout.services) if part.process.log.exists()]
    if not logs:
        print("There are no logs yet; `make up` starts the stack.")
        return
    follow = ["-F"] if sys.stdout.isatty() else []
    command = ["tail", "-v", "-n", str(SHOWN_LINES), *follow, *map(str, logs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as tail:
        for line in prefixed(tail.stdout or ()):
            print(line, flush=True)


def prefixed(lines: Iterable[str]) -> Iterator[str]:
    """Turn the headings that tail writes between files into a prefix of every line."""
    name = ""
    for line in lines:
        text = line.rstrip("\n")
        if text.startswith("==> ") and text.endswith(" <=="):
            name = Path(text[4:-4]).stem
        elif text:
            yield f"{name:<12}| {text}"
