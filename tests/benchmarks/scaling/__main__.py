"""Write the tables and the picture of docs/scaling.md from the measured costs.

    python -m tests.benchmarks.scaling

Needs matplotlib (requirements/bench.txt). The tables behind the page's marks are replaced; what `make bench-cost`
measured and kept is in measured.json beside this file.
"""

import sys
from collections.abc import Sequence

from tests.audio import REPOSITORY
from tests.pages import with_marked

from .days import Day, day_table, days, variant_table, variants
from .model import PAGE, VOLUMES, Money, arithmetic, kinds, mixed, money_of, money_table
from .plots import draw

IMAGE = REPOSITORY / "docs" / "images" / "scaling-days.png"


def main() -> int:
    """Simulate, draw, write."""
    found = days(kinds(), VOLUMES)
    page = PAGE.read_text()
    simulated = {
        "days": day_table(found),
        "variants": variant_table(variants(kinds())),
        "money": money_table(_money(found)),
    }
    for mark, lines in (arithmetic() | simulated).items():
        sys.stdout.write("\n".join([*lines, "", ""]))
        page = with_marked(page, mark, lines)
    PAGE.write_text(page)
    draw(found, IMAGE)
    sys.stdout.write(f"Written: {PAGE.relative_to(REPOSITORY)}, {IMAGE.relative_to(REPOSITORY)}\n")
    return 0


def _money(found: Sequence[Day]) -> dict[int, Money]:
    average = mixed(kinds())
    hours = {volume: sum(day.replica_hours for day in found if day.volume == volume) for volume in VOLUMES}
    return {volume: money_of(average, volume, hours[volume]) for volume in VOLUMES}


if __name__ == "__main__":
    sys.exit(main())
