"""Write the tables and the picture of docs/scaling.md from the measured costs.

    python -m tests.benchmarks.scaling

Needs matplotlib (requirements/bench.txt). The tables behind the page's marks are replaced; what `make bench-cost`
measured and kept is in measured.json beside this file.
"""

import sys

from tests.audio import REPOSITORY
from tests.pages import with_marked

from .days import day_table, days
from .model import PAGE, VOLUMES, arithmetic, kinds
from .plots import draw

IMAGE = REPOSITORY / "docs" / "images" / "scaling-days.png"


def main() -> int:
    """Simulate, draw, write."""
    found = days(kinds(), VOLUMES)
    page = PAGE.read_text()
    for mark, lines in (arithmetic() | {"days": day_table(found)}).items():
        sys.stdout.write("\n".join([*lines, "", ""]))
        page = with_marked(page, mark, lines)
    PAGE.write_text(page)
    draw(found, IMAGE)
    sys.stdout.write(f"Written: {PAGE.relative_to(REPOSITORY)}, {IMAGE.relative_to(REPOSITORY)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
