"""Send every case to a stack made for it, one after the other; print how each ended, and write docs/corpus.md.

python -m tests.corpus --only message
"""

import re
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers import running_servers
from tests.audio import REPOSITORY
from tests.receiver import receiving
from tests.system import System, running_system

from .case import Case
from .names import tiny
from .sending import Doors, Ending, known_recording
from .table import cases, requests
from .usage import Gauge, Usage

PAGE = REPOSITORY / "docs" / "corpus.md"
MARK = "<!-- corpus -->\n"
HEAD = ("family", "case", "ends as", "seconds", "CPU s", "memory MB")
SETTINGS = {
    "DAWNCHORUS_OUTWARD_HTTP": "true",
    "DAWNCHORUS_OUTWARD_NETWORKS": '["127.0.0.0/8"]',
    "DAWNCHORUS_FETCH_HOSTS": '["127.0.0.1"]',
    # What hides its length is found out when it is decoded, and costs as much as the longest recording.
    "DAWNCHORUS_MAX_DURATION_S": "600",
}


@dataclass(frozen=True)
class Row:
    """One case that was sent."""

    case: Case
    ending: Ending
    wall_s: float
    usage: Usage

    def cells(self) -> Sequence[str]:
        usage = self.usage
        figures = (f"{self.wall_s:.2f}", f"{usage.cpu_s:.2f}", f"{usage.peak_mb:.0f}")
        return (self.case.family, self.case.name.replace("|", "\\|"), f"`{self.ending.code}`", *figures)

    @property
    def is_right(self) -> bool:
        return self.ending.is_documented and (not self.case.ends or self.ending.code in self.case.ends)


def main() -> int:
    """Return 1 when a case ended in another way than it may, 0 otherwise."""
    parser = ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("--only", default="", help="a pattern for family or name; the page is left alone then")
    only = parser.parse_args().only
    chosen = [case for case in (*cases(), *requests()) if re.search(only, case.family) or re.search(only, case.name)]
    with tempfile.TemporaryDirectory(prefix="dawnchorus-corpus-") as folder, ExitStack() as stack:
        servers = stack.enter_context(running_servers(Path(folder) / "servers"))
        system = stack.enter_context(running_system(Path(folder) / "system", servers, SETTINGS))
        doors = Doors(system, stack.enter_context(receiving()), known_recording(system, tiny("known")))
        rows = [_measured(system, doors, case) for case in chosen]
    if not only:
        _write(rows)
    wrong = [row for row in rows if not row.is_right]
    sys.stdout.write(f"{len(rows)} cases, {len(wrong)} of them ended in another way than they may.\n")
    sys.stdout.writelines(_line(row.cells()) for row in wrong)
    return int(bool(wrong))


def _measured(system: System, doors: Doors, case: Case) -> Row:
    gauge, send = Gauge(system.services), doors.send(case)
    gauge.start()
    started = time.monotonic()
    try:
        ending = send()
    except AssertionError as error:
        ending = Ending(str(error), 500)
    row = Row(case, ending, time.monotonic() - started, gauge.read())
    sys.stdout.write(_line(row.cells()))
    sys.stdout.flush()
    return row


def _write(rows: Sequence[Row]) -> None:
    before, _, behind = PAGE.read_text().partition(MARK)
    _, _, after = behind.partition("\n\n")
    table = [_line(HEAD), _line(["---"] * 3 + ["---:"] * 3), *(_line(row.cells()) for row in rows)]
    PAGE.write_text("".join([before, MARK, *table, "\n", after]).rstrip("\n") + "\n")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.exit(main())
